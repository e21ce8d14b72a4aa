import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const nearEnd = 48;

export interface Stick {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  /** The end is held: what comes is scrolled into sight. */
  stuck: boolean;
  atEnd(): boolean;
  toEnd(): void;
  /** Lets go of the end. */
  release(): void;
}

/**
 * Keeps a growing list at its end for as long as the reader is there. A wheel, key, touch or
 * selection upwards releases at once; so does opening a row whose details reach out of sight, or what was clicked
 * would jump away. Coming back to the end holds again.
 */
export function useStickToEnd(): Stick {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const held = useRef(true);
  const [stuck, setStuck] = useState(true);

  const set = useCallback((next: boolean) => {
    held.current = next;
    setStuck(next);
  }, []);

  const toEnd = useCallback(() => {
    const box = scroller.current;
    if (box) box.scrollTop = box.scrollHeight;
    set(true);
  }, [set]);

  useLayoutEffect(() => {
    const box = scroller.current;
    const inner = content.current;
    if (!box || !inner) return;
    let height = -1;
    let room = -1;
    let top = box.scrollTop;
    let toggled = false;
    const follow = () => {
      if (toggled) set(distance() <= nearEnd);
      else if (held.current) {
        box.scrollTop = box.scrollHeight;
        // The event of this comes later, when more may have come below: it is no way up of the reader's.
        top = box.scrollTop;
      }
      height = box.scrollHeight;
      room = box.clientHeight;
    };
    const distance = () => box.scrollHeight - box.scrollTop - box.clientHeight;
    const observer = new ResizeObserver(follow);
    observer.observe(inner);
    observer.observe(box);
    // The list is measured in the frame after the click; a row that opened without growing it changes nothing.
    const onClick = (e: MouseEvent) => {
      if (!(e.target instanceof Element) || !e.target.closest("[aria-expanded], [data-grows]")) return;
      toggled = true;
      requestAnimationFrame(() => requestAnimationFrame(() => (toggled = false)));
    };
    const onScroll = () => {
      const up = box.scrollTop < top - 1;
      top = box.scrollTop;
      if (distance() <= nearEnd) {
        // Only a reader's own way down holds again: a shrinking list is no wish.
        if (!held.current && !up && box.scrollHeight === height) set(true);
        // Nor is more room, as when a long prompt leaves the box, the reader's way up.
      } else if (up && held.current && box.scrollHeight >= height && box.clientHeight === room) set(false);
    };
    const letGo = () => held.current && distance() >= 0 && box.scrollHeight > box.clientHeight && set(false);
    const onWheel = (e: WheelEvent) => void (e.deltaY < 0 && letGo());
    const onKey = (e: KeyboardEvent) => void (["ArrowUp", "PageUp", "Home"].includes(e.key) && letGo());
    let touchY = 0;
    const onTouchStart = (e: TouchEvent) => void (touchY = e.touches[0]?.clientY ?? 0);
    const onTouchMove = (e: TouchEvent) => void ((e.touches[0]?.clientY ?? 0) > touchY + 4 && letGo());
    inner.addEventListener("click", onClick, true);
    box.addEventListener("scroll", onScroll, { passive: true });
    box.addEventListener("wheel", onWheel, { passive: true });
    box.addEventListener("keydown", onKey);
    box.addEventListener("touchstart", onTouchStart, { passive: true });
    box.addEventListener("touchmove", onTouchMove, { passive: true });
    return () => {
      observer.disconnect();
      inner.removeEventListener("click", onClick, true);
      box.removeEventListener("scroll", onScroll);
      box.removeEventListener("wheel", onWheel);
      box.removeEventListener("keydown", onKey);
      box.removeEventListener("touchstart", onTouchStart);
      box.removeEventListener("touchmove", onTouchMove);
    };
  }, [set]);

  useEffect(() => {
    const onSelect = () => {
      const selection = document.getSelection();
      if (!selection || selection.isCollapsed || !held.current) return;
      if (content.current?.contains(selection.anchorNode)) set(false);
    };
    document.addEventListener("selectionchange", onSelect);
    return () => document.removeEventListener("selectionchange", onSelect);
  }, [set]);

  const atEnd = useCallback(() => held.current, []);
  const release = useCallback(() => set(false), [set]);
  return { scroller, content, stuck, atEnd, toEnd, release };
}
