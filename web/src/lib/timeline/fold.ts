import type { Entry, Step } from "./types";
import { count } from "../format";
import { countWord } from "./words";

export interface Folded {
  /** Rows behind the summary line. */
  hidden: Entry[];
  shown: Entry[];
  /** "11 steps" */
  title: string;
  /** "4 read · 5 edited · 2 run" */
  summary: string;
}

const shownWhileWorking = 4;

/**
 * Which rows of a group stand behind its summary line. Groups of up to four steps are
 * shown whole; of longer ones the last four stay, or, in a turn that was finished when
 * it was first drawn, none. Failed rows and those the reader opened always stay.
 */
export function fold(entries: Entry[], opts: { settled: boolean; keep: (key: string) => boolean }): Folded {
  const steps = entries.filter((e): e is Step => e.type === "step");
  if (steps.length <= shownWhileWorking) return { hidden: [], shown: entries, title: "", summary: "" };
  const first = opts.settled ? undefined : steps.at(-shownWhileWorking);
  const from = first ? entries.indexOf(first) : entries.length;
  const stays = (e: Entry, i: number) => i >= from || isLoud(e) || opts.keep(e.key);
  const hidden = entries.filter((e, i) => !stays(e, i));
  // One row in place of one row would tell less and save nothing.
  if (hidden.length < 2) return { hidden: [], shown: entries, title: "", summary: "" };
  const shown = entries.filter(stays);
  const folded = hidden.filter((e): e is Step => e.type === "step");
  return { hidden, shown, title: count(folded.length, "step"), summary: summarise(folded) };
}

function isLoud(e: Entry): boolean {
  return e.type === "step" && !["done", "cut"].includes(e.state);
}

function summarise(steps: Step[]): string {
  const counts = new Map<string, number>();
  for (const s of steps) counts.set(countWord(s.name), (counts.get(countWord(s.name)) ?? 0) + 1);
  return [...counts].map(([word, n]) => `${n} ${word}`).join(" · ");
}
