import { type ReactNode, useEffect, useRef, useState } from "react";
import { useCommand } from "@/commands";
import { cx } from "@/lib/cx";
import type { Tab } from "@/lib/place";
import { type Width, useWidth } from "@/lib/useMedia";
import { panelProps, Separator, type TabItem, TabList, TooltipProvider } from "@/ui";
import { BottomBar } from "./BottomBar";
import { useChatWidth } from "./useChatWidth";
import type { WorkPanel } from "./workPanel";

export type ProjectLayoutProps = {
  header: ReactNode;
  /** Strips under the header. */
  strips?: ReactNode;
  /** The whole chat column with its composer. */
  chat: ReactNode;
  chatIcon: ReactNode;
  /** Something new in the chat while another tab covers it. */
  chatNews?: boolean;
  panels: WorkPanel[];
  tab: Tab | undefined;
  onTab(tab: Tab): void;
};

/**
 * The project page: chat and work area side by side from 1024 px; one column with the chat as first tab from 768 px; a
 * bar at the bottom below that. One tree for all three, so that turning a tablet reloads no preview.
 */
export function ProjectLayout({ header, strips, chat, chatIcon, chatNews, panels, tab, onTab }: ProjectLayoutProps) {
  const width = useWidth();
  const [chatHidden, setChatHidden] = useState(false);
  const split = useChatWidth();
  const desk = width === "desk";
  const shown = shownTab(tab, width, panels);
  const opened = useOpened(shown);
  const chatShown = desk ? !chatHidden : shown === "chat";
  const workShown = desk || shown !== "chat";

  useCommand({
    id: "page.chat.toggle",
    title: chatHidden ? "Show the chat" : "Hide the chat",
    group: "Page",
    keys: "mod+b",
    disabled: !desk,
    run: () => setChatHidden(!chatHidden),
  });

  const chatTab: TabItem = { id: "chat", label: "Chat", icon: chatIcon, news: chatNews && shown !== "chat" };
  const tabs = width === "column" ? [chatTab, ...panels] : panels;
  const tabRow = <TabList label="Work area" value={shown} onChange={(id) => onTab(id as Tab)} items={tabs} />;
  // Without a row of tabs (phone) a panel is no tabpanel.
  const tabPanel = (id: string) => (width === "phone" || (desk && id === "chat") ? {} : panelProps(id));

  return (
    <TooltipProvider>
      <div className="flex h-dvh flex-col overflow-hidden">
        <SkipLinks />
        {header}
        {strips}
        <main className="flex min-h-0 min-w-0 flex-1 flex-col">
          {width === "column" && tabRow}
          <div className="flex min-h-0 min-w-0 flex-1">
            <section
              aria-label="Chat"
              hidden={!chatShown}
              style={desk ? { width: split.value } : undefined}
              className={cx(
                "flex min-h-0 min-w-0 flex-col bg-bg",
                desk ? "shrink-0" : "flex-1",
                !chatShown && "hidden",
              )}
            >
              <div {...tabPanel("chat")} className="flex min-h-0 flex-1 flex-col short:overflow-y-auto">
                {chat}
              </div>
            </section>
            {desk && chatShown && <Separator label="Width of the chat" {...split} />}
            <section
              aria-label="Work area"
              id="preview"
              tabIndex={-1}
              hidden={!workShown}
              className={cx("flex min-h-0 min-w-0 flex-1 flex-col bg-sunken outline-none", !workShown && "hidden")}
            >
              {desk && <div className="bg-bg">{tabRow}</div>}
              {panels.map((panel) => {
                const visible = desk ? panel.id === deskTab(shown) : panel.id === shown;
                return (
                  <div
                    key={panel.id}
                    {...tabPanel(panel.id)}
                    hidden={!visible}
                    className={cx("flex min-h-0 min-w-0 flex-1 flex-col", !visible && "hidden")}
                  >
                    {(visible || opened.has(panel.id) || panel.id === "preview") && panel.panel}
                  </div>
                );
              })}
            </section>
          </div>
        </main>
        {width === "phone" && <BottomBar chat={chatTab} panels={panels} value={shown} onChange={onTab} />}
      </div>
    </TooltipProvider>
  );
}

/** Which tab is open: on a desk the chat is none of them; in one column it is the first. */
function shownTab(tab: Tab | undefined, width: Width, panels: WorkPanel[]): Tab {
  if (tab !== undefined && tab !== "chat" && panels.some((panel) => panel.id === tab)) return tab;
  return width === "desk" ? "preview" : "chat";
}

function deskTab(tab: Tab): Tab {
  return tab === "chat" ? "preview" : tab;
}

function useOpened(tab: Tab): ReadonlySet<Tab> {
  const opened = useRef(new Set<Tab>());
  useEffect(() => {
    opened.current.add(tab);
  }, [tab]);
  return opened.current;
}

function SkipLinks() {
  const look =
    "sr-only focus:not-sr-only focus:absolute focus:top-1.5 focus:left-1.5 focus:z-50 focus:rounded-field focus:border focus:border-line focus:bg-raised focus:px-3 focus:py-2 focus:text-step";
  return (
    <>
      <a href="#prompt" className={look} onClick={(event) => jump(event, "prompt")}>
        Go to the prompt
      </a>
      <a href="#preview" className={look} onClick={(event) => jump(event, "preview")}>
        Go to the preview
      </a>
    </>
  );
}

function jump(event: React.MouseEvent, id: string) {
  // Not by the address: its hash is no place of this page.
  event.preventDefault();
  document.getElementById(id)?.focus();
}
