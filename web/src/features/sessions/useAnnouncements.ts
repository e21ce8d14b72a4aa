import { useEffect, useRef } from "react";
import { count } from "@/lib/format";
import { readSpoken } from "@/lib/spoken";
import { stepWords, type Turn } from "@/lib/timeline";
import { type Announce, useAnnounce } from "@/ui";
import { failureSentence } from "./turn/TurnNotes";

const stepsEvery = 5000;

/** Says in whole sentences what happens in the newest run: it began, what it says and does, how it ended. */
export function useAnnouncements(turn: Turn | undefined): void {
  const announce = useAnnounce();
  const before = useRef<{
    key?: string;
    state?: string;
    texts: Set<string>;
    steps: Set<string>;
    lastStep: number;
  } | null>(null);

  useEffect(() => {
    if (!turn) return;
    const seen = before.current;
    const on = readSpoken() !== "off";
    if (seen?.key !== turn.key) {
      const now = { key: turn.key, state: turn.state, texts: new Set<string>(), steps: new Set<string>(), lastStep: 0 };
      before.current = now;
      // What was there when the page opened is not news; what a new run has already said is.
      if (!seen) return remember(turn, now);
      return changed(turn, now.texts, on, announce);
    }
    if (turn.state !== seen.state) {
      seen.state = turn.state;
      return changed(turn, seen.texts, on, announce);
    }
    const text = newText(turn, seen.texts);
    if (text && on) return announce(text);
    const step = newStep(turn, seen.steps);
    if (step && readSpoken() === "steps" && Date.now() - seen.lastStep >= stepsEvery) {
      seen.lastStep = Date.now();
      announce(step);
    }
  }, [turn, announce]);
}

/** A run's new state; its end comes after its last words, which may arrive with it. */
function changed(turn: Turn, texts: Set<string>, on: boolean, announce: Announce) {
  if (turn.state === "queued") return; // the queue box says so
  if (turn.state === "working") {
    if (on) announce("Working");
    return;
  }
  const text = newText(turn, texts);
  if (turn.state === "failed" || turn.state === "limit") {
    announce(`Failed: ${turn.failure ? failureSentence(turn.failure) : ""}`, "alert");
    if (text && on) announce(text);
  } else if (on) {
    const end = turn.state === "stopped" ? "Stopped by you" : doneSentence(turn);
    announce(text ? `${text} ${end}` : end);
  }
}

function remember(turn: Turn, seen: { texts: Set<string>; steps: Set<string> }): void {
  newText(turn, seen.texts);
  newStep(turn, seen.steps);
}

function newText(turn: Turn, seen: Set<string>): string | undefined {
  let said: string | undefined;
  for (const item of turn.items) {
    if (item.type !== "text" || item.live || seen.has(item.key)) continue;
    seen.add(item.key);
    said = spokenText(item.text);
  }
  return said;
}

function newStep(turn: Turn, seen: Set<string>): string | undefined {
  let said: string | undefined;
  for (const item of turn.items) {
    if (item.type !== "steps") continue;
    for (const e of item.entries) {
      if (e.type !== "step" || !e.result || seen.has(e.key)) continue;
      seen.add(e.key);
      said = stepWords(e).name;
    }
  }
  return said;
}

/** A text to be heard: long ones as their first sentence and how much more there is. */
export function spokenText(text: string): string {
  const flat = text
    .replace(/[`*_#>]/g, "")
    .replace(/\s+/g, " ")
    .trim();
  if (flat.length <= 400) return flat;
  const first = /^.*?[.!?](?=\s)/.exec(flat)?.[0] ?? flat.slice(0, 200);
  const more = flat.slice(first.length).trim().split(" ").length;
  return `${first} ${more} more words`;
}

function doneSentence(turn: Turn): string {
  const c = turn.checkpoint;
  if (!c) return "Done: no files changed";
  return `Done: ${count(c.stats?.filesChanged ?? 0, "file")} changed, checkpoint ${c.version ?? ""}`.trim();
}
