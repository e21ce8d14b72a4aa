import { useSyncExternalStore } from "react";

/** Whether a media query holds, followed live. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (onChange) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", onChange);
      return () => list.removeEventListener("change", onChange);
    },
    () => window.matchMedia(query).matches,
  );
}

/** "phone" below 768 px, "column" below 1024 px (one column, chat as a tab), "desk" above. */
export type Width = "phone" | "column" | "desk";

export function useWidth(): Width {
  const desk = useMedia("(min-width: 1024px)");
  const column = useMedia("(min-width: 768px)");
  return desk ? "desk" : column ? "column" : "phone";
}
