import { ChevronDown, ChevronRight, File, Folder as FolderIcon } from "lucide-react";
import { type KeyboardEvent, useRef } from "react";
import { cx } from "@/lib/cx";
import type { FileEntry } from "@/sync";
import type { Folder } from "./useTree";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

export type TreeViewProps = {
  folders: Record<string, Folder>;
  open: ReadonlySet<string>;
  current?: string;
  editing?: string;
  onToggle(path: string): void;
  onOpen(path: string): void;
};

/** The folders and files as a tree: one tab stop, arrow keys move, open and close. */
export function TreeView(props: TreeViewProps) {
  const root = useRef<HTMLUListElement>(null);
  const onKeyDown = (e: KeyboardEvent) => {
    const items = [...(root.current?.querySelectorAll<HTMLElement>("[role=treeitem]") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const item = items[at];
    if (!item) return;
    const to = moves(e.key, items, at, item);
    if (to === undefined) return;
    e.preventDefault();
    if (to === "press") item.querySelector<HTMLElement>("[data-press]")?.click();
    else to?.focus();
  };
  return (
    <ul ref={root} role="tree" aria-label="Files" onKeyDown={onKeyDown} className="py-1 text-step">
      <Level {...props} path="" depth={1} />
    </ul>
  );
}

function moves(
  key: string,
  items: HTMLElement[],
  at: number,
  item: HTMLElement,
): HTMLElement | "press" | null | undefined {
  const expanded = item.getAttribute("aria-expanded");
  switch (key) {
    case "ArrowDown":
      return items[at + 1] ?? null;
    case "ArrowUp":
      return items[at - 1] ?? null;
    case "Home":
      return items[0] ?? null;
    case "End":
      return items.at(-1) ?? null;
    case "ArrowRight":
      return expanded === "false" ? "press" : expanded === "true" ? (items[at + 1] ?? null) : null;
    case "ArrowLeft":
      return expanded === "true" ? "press" : (item.parentElement?.closest<HTMLElement>("[role=treeitem]") ?? null);
    case "Enter":
    case " ":
      return "press";
    default:
      return undefined;
  }
}

function Level({ path, depth, ...props }: TreeViewProps & { path: string; depth: number }) {
  const entries = props.folders[path]?.entries ?? [];
  return entries.map((entry, i) => (
    <Entry key={entry.path} entry={entry} depth={depth} first={depth === 1 && i === 0} {...props} />
  ));
}

function Entry({ entry, depth, first, ...props }: TreeViewProps & { entry: FileEntry; depth: number; first: boolean }) {
  const { open, current, editing, onToggle, onOpen } = props;
  const expanded = entry.isDir ? open.has(entry.path) : undefined;
  const selected = entry.path === current;
  const live =
    editing !== undefined &&
    (editing === entry.path || (entry.isDir && !expanded && editing.startsWith(`${entry.path}/`)));
  const dim = entry.name === "node_modules" || entry.name === "dist" || entry.name.startsWith(".");
  const Chevron = expanded ? ChevronDown : ChevronRight;
  const press = () => (entry.isDir ? onToggle(entry.path) : onOpen(entry.path));
  return (
    <li
      role="treeitem"
      aria-expanded={expanded}
      aria-selected={selected}
      aria-level={depth}
      tabIndex={selected || (first && current === undefined) ? 0 : -1}
      className="outline-none focus-visible:*:data-press:outline-2 focus-visible:*:data-press:outline-focus"
    >
      <div
        data-press
        onClick={press}
        style={{ paddingInlineStart: 4 + depth * 12 }}
        className={cx(
          "flex h-7 items-center gap-1.5 pr-2 -outline-offset-2 select-none pointer-coarse:h-11",
          selected ? "bg-accent-soft" : "hover:bg-sunken",
          dim && "text-ink-3",
        )}
      >
        {entry.isDir ? (
          <Chevron {...icon} size={14} className="shrink-0 text-ink-3" />
        ) : (
          <span className="w-3.5 shrink-0" />
        )}
        {entry.isDir ? (
          <FolderIcon {...icon} className="shrink-0 text-ink-2" />
        ) : (
          <File {...icon} className="shrink-0 text-ink-2" />
        )}
        <span className="min-w-0 truncate">{entry.name}</span>
        {live && (
          <span className="ml-auto size-2 shrink-0 rounded-full bg-accent">
            <span className="sr-only">, the agent edits it now</span>
          </span>
        )}
      </div>
      {expanded && (
        <ul role="group">
          <Level path={entry.path} depth={depth + 1} {...props} />
        </ul>
      )}
    </li>
  );
}
