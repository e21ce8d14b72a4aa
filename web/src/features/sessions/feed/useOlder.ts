import { type RefObject, useEffect } from "react";

const ahead = 600;

/** Asks for older rows when the top is near; a first page that doesn't fill the window asks at once. */
export function useOlder(scroller: RefObject<HTMLDivElement | null>, more: (() => void) | undefined): void {
  useEffect(() => {
    const box = scroller.current;
    if (!box || !more) return;
    const check = () => void (box.scrollTop <= ahead && more());
    check();
    box.addEventListener("scroll", check, { passive: true });
    return () => box.removeEventListener("scroll", check);
  }, [scroller, more]);
}
