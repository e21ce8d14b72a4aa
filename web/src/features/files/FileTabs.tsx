import { X } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, useRef } from "react";
import { cx } from "@/lib/cx";

export type FileTabsProps = {
  files: string[];
  current?: string;
  gone: ReadonlySet<string>;
  editing?: string;
  onOpen(path: string): void;
  onClose(path: string): void;
};

/** The open files. Middle click or Delete closes one. */
export function FileTabs({ files, current, gone, editing, onOpen, onClose }: FileTabsProps) {
  const list = useRef<HTMLDivElement>(null);
  if (files.length === 0) return null;
  const onKeyDown = (e: KeyboardEvent) => {
    const tabs = [...(list.current?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])];
    const at = tabs.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    if (e.key === "ArrowRight") tabs[(at + 1) % tabs.length]?.focus();
    else if (e.key === "ArrowLeft") tabs[(at - 1 + tabs.length) % tabs.length]?.focus();
    else if (e.key === "Delete") {
      // The focus goes on to the next one, not away with the tab.
      (tabs[at + 1] ?? tabs[at - 1])?.focus();
      onClose(files[at] ?? "");
    }
    else return;
    e.preventDefault();
  };
  const onAux = (path: string) => (e: MouseEvent) => {
    if (e.button !== 1) return;
    e.preventDefault();
    onClose(path);
  };
  return (
    <div
      ref={list}
      role="tablist"
      aria-label="Open files"
      onKeyDown={onKeyDown}
      className="flex h-9 min-w-0 flex-1 items-stretch overflow-x-auto pointer-coarse:h-11"
    >
      {files.map((path) => {
        const name = path.split("/").at(-1) ?? path;
        const selected = path === current;
        return (
          <button
            key={path}
            type="button"
            role="tab"
            aria-selected={selected}
            aria-keyshortcuts="Delete"
            tabIndex={selected || (!current && path === files[0]) ? 0 : -1}
            title={path}
            onClick={() => onOpen(path)}
            onAuxClick={onAux(path)}
            className={cx(
              "flex shrink-0 items-center gap-2 border-r border-line pl-3 text-step -outline-offset-2",
              selected ? "bg-code" : "text-ink-2 hover:bg-sunken",
              gone.has(path) && "line-through",
            )}
          >
            {editing === path && (
              <span className="size-2 rounded-full bg-accent">
                <span className="sr-only">the agent edits it now: </span>
              </span>
            )}
            {name}
            {/* For mouse and touch; the keyboard closes with Delete. A tab list may hold tabs only. */}
            <span
              aria-hidden
              title="Close"
              onClick={(e) => {
                e.stopPropagation();
                onClose(path);
              }}
              className="mr-1 inline-flex size-6 items-center justify-center rounded-icon text-ink-2 hover:bg-sunken hover:text-ink pointer-coarse:size-11"
            >
              <X size={14} strokeWidth={1.75} aria-hidden />
            </span>
          </button>
        );
      })}
    </div>
  );
}
