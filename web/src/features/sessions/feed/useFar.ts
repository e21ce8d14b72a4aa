import { type RefObject, useEffect, useState } from "react";

// Runs within this many px of the window are drawn whole, so that scrolling meets no gap.
const margin = 2000;

/**
 * The height of a run that is far from the window, undefined for one that is near. A far run is drawn as its words
 * only, in the room that it took, so that a long session doesn't fill the page with nodes. Who works, what the reader
 * opened, selected or stands on stays whole.
 */
export function useFar(run: RefObject<HTMLElement | null>, pinned: boolean): number | undefined {
  const [height, setHeight] = useState<number>();
  useEffect(() => {
    const node = run.current;
    if (node === null || pinned || typeof IntersectionObserver === "undefined") return;
    const observer = new IntersectionObserver(
      (entries) => {
        const entry = entries.at(-1);
        if (!entry) return;
        const room = entry.boundingClientRect.height;
        if (entry.isIntersecting) setHeight(undefined);
        // Without any room the whole feed is hidden, as on a phone that shows the preview.
        else if (room > 0 && !isHeld(node)) setHeight((before) => before ?? room);
      },
      { root: node.closest("[data-feed]"), rootMargin: `${margin}px 0px` },
    );
    observer.observe(node);
    return () => {
      observer.disconnect();
      setHeight(undefined);
    };
  }, [run, pinned]);
  return height;
}

function isHeld(node: HTMLElement): boolean {
  const selection = document.getSelection();
  return (
    node.contains(document.activeElement) ||
    node.querySelector(".turn-body [aria-expanded=true]") !== null ||
    (selection !== null && !selection.isCollapsed && selection.containsNode(node, true))
  );
}
