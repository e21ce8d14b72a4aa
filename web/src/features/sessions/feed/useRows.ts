import { type KeyboardEvent, type RefObject, useCallback, useEffect } from "react";

const inside = "a[href], button, input, [tabindex]";

/**
 * One tab stop for the whole feed: the current row; the newest one for as long as the reader is at the end with the
 * focus elsewhere. Arrows go by row, Page Up and Down by
 * run, Home and End to the ends. Tab goes on to the current row's own links and buttons;
 * those of the other rows are left out of the order.
 */
export function useRows(
  content: RefObject<HTMLElement | null>,
  atEnd: () => boolean,
): (event: KeyboardEvent) => void {
  useEffect(() => {
    const root = content.current;
    if (!root) return;
    const tidy = () => setCurrent(root, current(root, atEnd()));
    tidy();
    const observer = new MutationObserver((changes) => {
      if (changes.some((c) => c.addedNodes.length > 0 || c.removedNodes.length > 0)) tidy();
    });
    observer.observe(root, { childList: true, subtree: true });
    const onFocus = (e: FocusEvent) => {
      const row = rowOf(e.target);
      if (row) setCurrent(root, row);
    };
    root.addEventListener("focusin", onFocus);
    return () => {
      observer.disconnect();
      root.removeEventListener("focusin", onFocus);
    };
  }, [content, atEnd]);

  return useCallback(
    (event: KeyboardEvent) => {
      const root = content.current;
      const row = rowOf(event.target);
      if (!root || !row || event.target !== row || event.ctrlKey || event.metaKey || event.altKey) return;
      const next = target(event.key, root, row);
      if (next) {
        event.preventDefault();
        setCurrent(root, next);
        next.focus();
      } else if (event.key === "Enter" && !(row instanceof HTMLButtonElement)) {
        row.querySelector<HTMLElement>("button, a[href]")?.click();
      }
    },
    [content],
  );
}

function rows(root: HTMLElement): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>("[data-row]")];
}

function rowOf(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
}

function current(root: HTMLElement, atEnd: boolean): HTMLElement | undefined {
  const focused = rowOf(document.activeElement);
  if (focused && root.contains(focused)) return focused;
  if (atEnd && !root.contains(document.activeElement)) return rows(root).at(-1);
  // The one that was current, or the newest.
  return root.querySelector<HTMLElement>('[data-row][tabindex="0"]') ?? rows(root).at(-1);
}

function setCurrent(root: HTMLElement, row: HTMLElement | undefined): void {
  for (const other of root.querySelectorAll<HTMLElement>('[data-row][tabindex="0"]'))
    if (other !== row) other.tabIndex = -1;
  if (row && row.tabIndex !== 0) row.tabIndex = 0;
  for (const part of root.querySelectorAll<HTMLElement>(inside)) {
    if (part.matches("[data-row]")) continue;
    const own = partRow(part) === row;
    if (own && part.dataset.kept !== undefined) {
      part.removeAttribute("tabindex");
      delete part.dataset.kept;
    } else if (!own && part.tabIndex === 0) {
      part.tabIndex = -1;
      part.dataset.kept = "";
    }
  }
}

// What an opened step shows stands after its row, not inside it.
function partRow(part: HTMLElement): HTMLElement | null {
  return (
    part.closest<HTMLElement>("[data-row]") ??
    part.closest("[data-step]")?.querySelector<HTMLElement>("[data-row]") ??
    null
  );
}

function target(key: string, root: HTMLElement, row: HTMLElement): HTMLElement | undefined {
  const all = rows(root);
  const at = all.indexOf(row);
  switch (key) {
    case "ArrowDown":
      return all[at + 1];
    case "ArrowUp":
      return all[at - 1];
    case "Home":
      return all[0];
    case "End":
      return all.at(-1);
    case "PageDown":
    case "PageUp": {
      const heads = [...root.querySelectorAll(".turn")]
        .map((t) => t.querySelector<HTMLElement>("[data-row]"))
        .filter((r) => r !== null);
      const turn = row.closest(".turn");
      const here = heads.findIndex((h) => turn?.contains(h));
      if (key === "PageDown") return heads[here + 1] ?? all.at(-1);
      return heads[here] === row ? heads[here - 1] : heads[here];
    }
    default:
      return undefined;
  }
}
