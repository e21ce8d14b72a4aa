import { addStep, addThought } from "./turns";
import type { Item, LiveMessage, Step, Turn } from "./types";

/**
 * The turn with the message that is being written now at its end. Keys are those that
 * the stored row will have, so the row takes over the same elements. A message whose
 * row is there already changes nothing.
 */
export function withLive(turn: Turn, live: LiveMessage | null): Turn {
  if (!live || turn.state !== "working") return turn;
  if (turn.runId !== live.runId || turn.messages.includes(live.messageId)) return turn;
  const items = turn.items.slice();
  const last = items.at(-1);
  // The stored group is shared with the turn without the stream: copy before adding to it.
  if (last?.type === "steps") items[items.length - 1] = { ...last, entries: last.entries.slice() };
  for (const block of live.blocks) {
    const key = `${live.messageId}:${block.index}`;
    if (block.kind === "text") {
      if (block.text.trim() !== "") items.push({ type: "text", key, text: block.text, live: !block.done, cut: false });
    } else if (block.kind === "thinking") {
      addThought(items, { type: "thought", key, text: block.text, live: !block.done });
    } else if (block.toolUseId && block.name && block.name !== "TodoWrite") {
      addStep(items, liveStep(block.toolUseId, block.name, block.text, live.startedAt ?? 0));
    }
  }
  return { ...turn, items };
}

function liveStep(id: string, name: string, text: string, at: number): Step {
  return { type: "step", key: id, name, input: partialInput(text), state: "writing", startedAt: at };
}

const shownEarly = ["file_path", "path", "pattern", "command"];

/** The fields of a half-written JSON input that tell what a step is about, as far as they are complete. */
export function partialInput(text: string): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const name of shownEarly) {
    const m = new RegExp(`"${name}"\\s*:\\s*("(?:[^"\\\\]|\\\\.)*")`).exec(text.slice(0, 4096));
    if (!m?.[1]) continue;
    try {
      input[name] = JSON.parse(m[1]);
    } catch {
      // An escape that is cut: the next piece completes it.
    }
  }
  return input;
}

/** True while something in the turn tells by itself what is going on now. */
export function hasMovingPart(items: Item[]): boolean {
  const last = items.findLast((i) => i.type !== "remark");
  if (!last) return false;
  if (last.type === "text" || last.type === "thought") return last.live;
  if (last.type !== "steps") return false;
  return last.entries.some((e) => (e.type === "step" ? e.state === "running" || e.state === "writing" : e.live));
}
