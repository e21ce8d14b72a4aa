import { isRecord, num, str } from "./parse";
import type { Step } from "./types";

export interface PatchLine {
  sign: " " | "+" | "-" | "@";
  text: string;
  /** Line in the file after the change ("+", " ") or before it ("-"). */
  line?: number;
}

export interface LineCounts {
  added: number;
  removed: number;
}

/** The lines that an Edit or Write changed, with their context; "@" stands between two places. */
export function parsePatch(step: Step): PatchLine[] {
  const data = isRecord(step.result?.data) ? step.result.data : {};
  const hunks = Array.isArray(data.structuredPatch) ? data.structuredPatch.filter(isRecord) : [];
  if (hunks.length > 0) return hunks.flatMap((h, i) => hunkLines(h, i));
  const content = str(data.content) ?? str(step.input.content);
  if (step.name === "Write" && content !== undefined && data.type !== "update") {
    return splitLines(content).map((text, i) => ({ sign: "+", text, line: i + 1 }));
  }
  return pairs(step);
}

function hunkLines(hunk: Record<string, unknown>, index: number): PatchLine[] {
  const out: PatchLine[] = index > 0 ? [{ sign: "@", text: "" }] : [];
  let before = num(hunk.oldStart) ?? 1;
  let after = num(hunk.newStart) ?? 1;
  const lines = Array.isArray(hunk.lines) ? hunk.lines.filter((l): l is string => typeof l === "string") : [];
  for (const l of lines) {
    const text = l.slice(1);
    if (l.startsWith("+")) out.push({ sign: "+", text, line: after++ });
    else if (l.startsWith("-")) out.push({ sign: "-", text, line: before++ });
    else if (!l.startsWith("\\")) {
      out.push({ sign: " ", text, line: after++ });
      before++;
    }
  }
  return out;
}

// Without a stored patch the input still tells what was replaced by what.
function pairs(step: Step): PatchLine[] {
  const edits = Array.isArray(step.input.edits) ? step.input.edits.filter(isRecord) : [step.input];
  return edits.flatMap((e, i) => {
    const out: PatchLine[] = i > 0 ? [{ sign: "@", text: "" }] : [];
    for (const text of splitLines(str(e.old_string) ?? "")) out.push({ sign: "-", text });
    for (const text of splitLines(str(e.new_string) ?? "")) out.push({ sign: "+", text });
    return out;
  });
}

function splitLines(text: string): string[] {
  if (text === "") return [];
  return text.replace(/\n$/, "").split("\n");
}

export function sumLines(lines: PatchLine[]): LineCounts {
  let added = 0;
  let removed = 0;
  for (const l of lines) {
    if (l.sign === "+") added++;
    if (l.sign === "-") removed++;
  }
  return { added, removed };
}
