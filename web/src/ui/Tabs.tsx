import { type KeyboardEvent, type ReactNode, useRef } from "react";
import { cx } from "@/lib/cx";

export type TabItem = {
  id: string;
  label: string;
  icon?: ReactNode;
  count?: number;
  /** A dot that tells of news in a tab that is not open. */
  news?: boolean;
};

export type TabListProps = {
  label: string;
  value: string;
  onChange(id: string): void;
  items: TabItem[];
  className?: string;
};

/** Ids that join a tab and its panel. */
export const tabId = (id: string) => `tab-${id}`;
export const panelId = (id: string) => `panel-${id}`;

/** The tab row, 40 px: one tab stop; arrow keys move, Enter or Space opens. Its panels stand elsewhere (panelProps). */
export function TabList({ label, value, onChange, items, className }: TabListProps) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const tabs = [...(list.current?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])];
    const at = tabs.indexOf(document.activeElement as HTMLElement);
    const moves: Record<string, number> = {
      ArrowLeft: (at - 1 + tabs.length) % tabs.length,
      ArrowRight: (at + 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const next = moves[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    tabs[next]?.focus();
  };
  return (
    <div
      ref={list}
      role="tablist"
      aria-label={label}
      onKeyDown={onKeyDown}
      className={cx("flex h-10 shrink-0 gap-1 overflow-x-auto border-b border-line px-3 pointer-coarse:h-11", className)}
    >
      {items.map((item) => (
        <button
          key={item.id}
          type="button"
          role="tab"
          id={tabId(item.id)}
          aria-selected={item.id === value}
          aria-controls={panelId(item.id)}
          tabIndex={item.id === value ? 0 : -1}
          onClick={() => onChange(item.id)}
          className={cx(
            "inline-flex h-full shrink-0 items-center gap-2 border-b-2 border-transparent px-2 text-step font-medium text-ink-2 -outline-offset-2 transition-colors select-none",
            "hover:text-ink aria-selected:border-accent aria-selected:text-ink",
          )}
        >
          {item.icon}
          {item.label}
          {item.count !== undefined && item.count > 0 && (
            <span className="tabular rounded-full bg-sunken px-1.5 text-meta text-ink-2">{item.count}</span>
          )}
          {item.news && (
            <span className="keep-color size-1.5 rounded-full bg-accent">
              <span className="sr-only">, news</span>
            </span>
          )}
        </button>
      ))}
    </div>
  );
}

/** What makes an element the panel of a tab. */
export function panelProps(id: string) {
  return { id: panelId(id), role: "tabpanel", "aria-labelledby": tabId(id) } as const;
}
