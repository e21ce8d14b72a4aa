import { useEffect, useLayoutEffect, useRef } from "react";
import type { Stick } from "./useStickToEnd";

/** Where a reader stood: a turn and how far its top was from the top of the feed. */
type Place = { turn: string; top: number };

const key = (place: string) => `surgent.place.${place}`;

/**
 * Keeps the reader's place in a session over a change of session and a reload. Who was at the end comes back to the
 * end; a place whose turn is not loaded any more does too.
 */
export function useKeptPlace(place: string, stick: Stick, ready: boolean): void {
  const { scroller, stuck, release } = stick;
  const restored = useRef(false);

  useLayoutEffect(() => {
    const box = scroller.current;
    if (!ready || restored.current || !box) return;
    restored.current = true;
    const kept = read(place);
    const turn = kept && box.querySelector(`[data-turn="${CSS.escape(kept.turn)}"]`);
    if (!kept || !turn) return;
    release();
    box.scrollTop += turn.getBoundingClientRect().top - box.getBoundingClientRect().top - kept.top;
  }, [place, ready, scroller, release]);

  const latest = useRef(stuck);
  useEffect(() => {
    latest.current = stuck;
    if (stuck && restored.current) write(place, undefined);
  }, [stuck, place]);
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const save = () => !latest.current && restored.current && write(place, look(box));
    const onScroll = () => {
      clearTimeout(timer);
      timer = setTimeout(save, 200);
    };
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      clearTimeout(timer);
      box.removeEventListener("scroll", onScroll);
    };
  }, [place, scroller]);
}

function look(box: HTMLElement): Place | undefined {
  const edge = box.getBoundingClientRect().top;
  for (const turn of box.querySelectorAll<HTMLElement>("[data-turn]")) {
    const rect = turn.getBoundingClientRect();
    if (rect.bottom > edge) return { turn: turn.dataset.turn ?? "", top: rect.top - edge };
  }
  return undefined;
}

function read(place: string): Place | undefined {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(key(place)) ?? "null");
    const { turn, top } = (stored ?? {}) as Partial<Place>;
    return typeof turn === "string" && typeof top === "number" ? { turn, top } : undefined;
  } catch {
    return undefined;
  }
}

function write(place: string, value: Place | undefined): void {
  try {
    if (value) sessionStorage.setItem(key(place), JSON.stringify(value));
    else sessionStorage.removeItem(key(place));
  } catch {
    // Storage is blocked: a reload begins at the end.
  }
}
