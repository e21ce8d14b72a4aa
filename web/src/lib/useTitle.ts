import { useEffect } from "react";

/** What the tab's title says of a run: working, or ended while nobody looked. */
export type TitleMark = "working" | "done" | "failed";

const marks: Record<TitleMark, string> = { working: "● ", done: "✓ ", failed: "✕ " };

/** Sets the document's title: "● Todo list · Surgent". */
export function useTitle(name?: string, mark?: TitleMark): void {
  const title = `${mark ? marks[mark] : ""}${name ? `${name} · ` : ""}Surgent`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
