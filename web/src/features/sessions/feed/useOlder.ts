import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";

const ahead = 600;

/**
 * Asks for older rows when the top is near, and holds the reader's place by what is on the
 * screen, not by pixels, when they come.
 */
export function useOlder(
  scroller: RefObject<HTMLDivElement | null>,
  content: RefObject<HTMLDivElement | null>,
  firstKey: string | undefined,
  more: (() => void) | undefined,
): void {
  const anchor = useRef<{ node: Element; top: number } | null>(null);

  useEffect(() => {
    const box = scroller.current;
    if (!box || !more) return;
    const check = () => {
      if (box.scrollTop > ahead) return;
      anchor.current = mark(box, content.current);
      more();
    };
    // A first page that doesn't fill the window has nothing to scroll: ask at once.
    check();
    box.addEventListener("scroll", check, { passive: true });
    return () => box.removeEventListener("scroll", check);
  }, [scroller, content, more]);

  useLayoutEffect(() => {
    const box = scroller.current;
    const held = anchor.current;
    anchor.current = null;
    if (!box || !held?.node.isConnected) return;
    const moved = held.node.getBoundingClientRect().top - held.top;
    if (Math.abs(moved) >= 1) box.scrollTop += moved;
  }, [scroller, firstKey]);
}

function mark(box: HTMLElement, content: Element | null): { node: Element; top: number } | null {
  const edge = box.getBoundingClientRect().top;
  for (const node of content?.querySelectorAll(".turn-row") ?? []) {
    const rect = node.getBoundingClientRect();
    if (rect.bottom > edge) return { node, top: rect.top };
  }
  return null;
}
