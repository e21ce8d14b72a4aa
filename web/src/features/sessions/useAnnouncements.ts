import { useEffect, useRef } from "react";
import { count } from "@/lib/format";
import { readSpoken } from "@/lib/spoken";
import { stepWords, type Turn } from "@/lib/timeline";
import { useAnnounce } from "@/ui";
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
    const fresh = seen?.key !== turn.key;
    if (!seen || fresh) {
      before.current = { key: turn.key, state: turn.state, texts: new Set(), steps: new Set(), lastStep: 0 };
      // What was there when the page opened is not news.
      remember(turn, before.current);
      if (turn.state === "working" && seen && readSpoken() !== "off") announce("Working");
      return;
    }
    if (turn.state !== seen.state) {
      seen.state = turn.state;
      if (turn.state === "working" && readSpoken() !== "off") announce("Working");
      else if (turn.state === "failed" || turn.state === "limit")
        announce(`Failed: ${turn.failure ? failureSentence(turn.failure) : ""}`, "alert");
      else if (readSpoken() !== "off") announce(turn.state === "stopped" ? "Stopped by you" : doneSentence(turn));
      return;
    }
    const text = newText(turn, seen.texts);
    const spoken = readSpoken();
    if (text && spoken !== "off") return announce(text);
    const step = newStep(turn, seen.steps);
    if (step && spoken === "steps" && Date.now() - seen.lastStep >= stepsEvery) {
      seen.lastStep = Date.now();
      announce(step);
    }
  }, [turn, announce]);
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
