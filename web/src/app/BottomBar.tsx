import { Ellipsis } from "lucide-react";
import type { ReactNode } from "react";
import type { Tab } from "@/lib/place";
import { Menu, MenuItem, type TabItem } from "@/ui";
import type { WorkPanel } from "./workPanel";

type BottomBarProps = { chat: TabItem; panels: WorkPanel[]; value: Tab; onChange(tab: Tab): void };

const look =
  "relative flex min-w-0 flex-1 flex-col items-center justify-center gap-0.5 text-meta font-medium text-ink-2 -outline-offset-2 select-none aria-[current=page]:text-accent-text aria-[current=page]:font-semibold";

// Chat, preview and files have a place of their own; the rest stands under More.
const places = 2;

/** The phone's bar, 56 px, above the edge of the screen. */
export function BottomBar({ chat, panels, value, onChange }: BottomBarProps) {
  const own = [chat, ...panels.slice(0, places)];
  const more = panels.slice(places);
  return (
    <nav aria-label="Parts of the project" className="flex h-14 shrink-0 border-t border-line bg-bg">
      {own.map((item) => (
        <button
          key={item.id}
          type="button"
          aria-current={item.id === value ? "page" : undefined}
          onClick={() => onChange(item.id as Tab)}
          className={look}
        >
          <Icon news={item.news && item.id !== value}>{item.icon}</Icon>
          {item.label}
        </button>
      ))}
      {more.length > 0 && (
        <Menu
          side="top"
          align="end"
          trigger={
            <button
              type="button"
              aria-current={more.some((item) => item.id === value) ? "page" : undefined}
              className={look}
            >
              <Icon>
                <Ellipsis size={16} strokeWidth={1.75} aria-hidden />
              </Icon>
              More
            </button>
          }
        >
          {more.map((item) => (
            <MenuItem key={item.id} icon={item.icon} onSelect={() => onChange(item.id)}>
              {item.label}
            </MenuItem>
          ))}
        </Menu>
      )}
    </nav>
  );
}

function Icon({ children, news }: { children: ReactNode; news?: boolean }) {
  return (
    <span className="relative inline-flex">
      {children}
      {news && (
        <span className="keep-color absolute -top-0.5 -right-1.5 size-2 rounded-full bg-accent">
          <span className="sr-only">News: </span>
        </span>
      )}
    </span>
  );
}
