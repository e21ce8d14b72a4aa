import { stripAnsi } from "../ansi";
import { count } from "../format";
import { duration } from "../time";
import { parsePatch, sumLines, type LineCounts } from "./patch";
import { isRecord, num, str } from "./parse";
import type { Step } from "./types";

export type StepIcon = "read" | "write" | "edit" | "run" | "search" | "tool";

export interface StepWords {
  icon: StepIcon;
  verb: string;
  /** What it was done to; drawn in mono. */
  target: string;
  /** A file inside the project, when the target is one. */
  path?: string;
  right: Right;
  /** The whole row as a sentence for readers, without "button, collapsed". */
  name: string;
  /** First line of the message of a failed step. */
  error?: string;
}

export type Right =
  | { kind: "none" }
  | { kind: "text"; text: string }
  | { kind: "lines"; counts: LineCounts }
  | { kind: "exit"; code: number; time?: string };

const root = "/workspace/";

/** Paths in the project are shown relative to its folder. */
export function relative(path: string): string {
  if (path.startsWith(root)) return path.slice(root.length);
  return path === "/workspace" ? "." : path.replace(/^\.\//, "");
}

/** The word that counts this tool in the summary of a group: "5 edited". */
export function countWord(tool: string): string {
  return families[tool]?.count ?? "other";
}

interface Family {
  icon: StepIcon;
  now: string;
  past: string;
  base: string;
  count: string;
}

const reading: Family = { icon: "read", now: "Reading", past: "Read", base: "Read", count: "read" };
const editing: Family = { icon: "edit", now: "Editing", past: "Edited", base: "Edit", count: "edited" };
const searching: Family = { icon: "search", now: "Searching", past: "Searched", base: "Search", count: "searched" };

const families: Record<string, Family> = {
  Read: reading,
  LS: reading,
  Edit: editing,
  MultiEdit: editing,
  Write: { icon: "write", now: "Writing", past: "Created", base: "Write", count: "edited" },
  Bash: { icon: "run", now: "Running", past: "Ran", base: "Run", count: "run" },
  Glob: searching,
  Grep: searching,
};

/** A step in words. */
export function stepWords(step: Step): StepWords {
  const family = families[step.name];
  const words = family ? known(step, family) : unknown(step);
  return { ...words, name: spoken(step, words) };
}

type Unspoken = Omit<StepWords, "name">;

function known(step: Step, family: Family): Unspoken {
  const active = step.state === "running" || step.state === "writing";
  const error = step.state === "failed" ? firstLine(step.result?.text ?? "") : undefined;
  const file = str(step.input.file_path) ?? str(step.input.path);
  const base = { icon: family.icon, error };
  const failed = step.state === "failed" ? `${family.base} failed` : family.past;
  // What was not done is not told in the past tense.
  const undone = step.state === "next" || step.state === "denied" || step.state === "cut";
  const verb = active ? family.now : undone ? family.base : failed;
  switch (step.name) {
    case "Bash": {
      const v = step.state === "failed" ? family.past : verb;
      return { ...base, error: undefined, verb: v, target: command(step), right: bashRight(step) };
    }
    case "Glob":
    case "Grep":
      return { ...base, verb, target: searchTarget(step), right: searchRight(step) };
    case "Write": {
      const past = step.state === "done" && isRewrite(step) ? "Rewrote" : verb;
      return { ...base, verb: past, ...pathTarget(file), right: linesRight(step) };
    }
    case "Edit":
    case "MultiEdit":
      return { ...base, verb, ...pathTarget(file), right: linesRight(step) };
    default: {
      // Of a call that is still being written the path may come next; only a finished LS without one means ".".
      const here = step.name === "LS" && step.state !== "writing" ? "." : undefined;
      return { ...base, verb, ...pathTarget(file ?? here), right: readRight(step) };
    }
  }
}

function pathTarget(path: string | undefined): { target: string; path?: string } {
  if (!path) return { target: "" };
  const target = relative(path);
  return target.startsWith("/") || target === "." ? { target } : { target, path: target };
}

function unknown(step: Step): Unspoken {
  const active = step.state === "running" || step.state === "writing";
  const failed = step.state === "failed";
  return {
    icon: "tool",
    verb: active ? "Using" : failed ? "Failed:" : step.state === "next" ? "Use" : "Used",
    target: toolName(step.name),
    right: { kind: "none" },
    error: failed ? firstLine(step.result?.text ?? "") : undefined,
  };
}

/** "mcp__linear__create_issue" → "create issue (linear)", "WebFetch" → "web fetch" */
export function toolName(name: string): string {
  const mcp = /^mcp__(.+?)__(.+)$/.exec(name);
  const words = (s: string) =>
    s
      .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
      .replace(/[_-]+/g, " ")
      .toLowerCase();
  return mcp ? `${words(mcp[2] ?? "")} (${mcp[1]})` : words(name);
}

function command(step: Step): string {
  return stripAnsi(str(step.input.command) ?? "")
    .trim()
    .replace(/\s*\n\s*/g, " ⏎ ");
}

function searchTarget(step: Step): string {
  const pattern = str(step.input.pattern);
  if (pattern === undefined) return "";
  const path = str(step.input.path);
  const within = path ? relative(path) : ".";
  return within === "." || within === "" ? `"${pattern}"` : `"${pattern}" in ${within}`;
}

function readRight(step: Step): Right {
  const file = isRecord(step.result?.data) && isRecord(step.result.data.file) ? step.result.data.file : undefined;
  const total = num(file?.totalLines);
  const start = num(file?.startLine) ?? 1;
  let shown = num(file?.numLines);
  // A file that ends with a line break is counted with the empty line after it.
  if (typeof file?.content === "string" && shown !== undefined && file.content.endsWith("\n")) {
    shown = Math.min(shown, file.content.split("\n").length - 1);
  }
  if (shown === undefined) return { kind: "none" };
  if (start > 1 || (total !== undefined && start + shown < total)) {
    return { kind: "text", text: `lines ${start}–${Math.max(start, start + shown - 1)}` };
  }
  return { kind: "text", text: count(shown, "line") };
}

function linesRight(step: Step): Right {
  if (step.state !== "done") return { kind: "none" };
  const counts = sumLines(parsePatch(step));
  if (counts.added + counts.removed > 0) return { kind: "lines", counts };
  return { kind: "text", text: step.name === "Write" && !isRewrite(step) ? "empty" : "no change" };
}

function isRewrite(step: Step): boolean {
  const data = step.result?.data;
  return isRecord(data) && data.type === "update";
}

function searchRight(step: Step): Right {
  if (step.state !== "done" || !step.result) return { kind: "none" };
  const data = isRecord(step.result.data) ? step.result.data : {};
  const files = num(data.numFiles) ?? (Array.isArray(data.filenames) ? data.filenames.length : undefined);
  const hits = num(data.numMatches) ?? num(data.numLines);
  if (hits !== undefined && hits > 0) return { kind: "text", text: count(hits, "hit") };
  if (files !== undefined)
    return { kind: "text", text: files === 0 && step.name === "Grep" ? "no hits" : count(files, "file") };
  if (/^no (files|matches)/i.test(step.result.text))
    return { kind: "text", text: step.name === "Grep" ? "no hits" : "0 files" };
  const lines = step.result.text.split("\n").filter((l) => l.trim() !== "");
  const inContent = step.name === "Grep" && step.input.output_mode === "content";
  return { kind: "text", text: count(lines.length, inContent ? "hit" : "file") };
}

/** How long a step took; the row's own figure where it has one, else from its rows' times. */
export function stepTime(step: Step): number | undefined {
  if (!step.result) return undefined;
  const data = isRecord(step.result.data) ? step.result.data : {};
  const own = num(data.durationMs) ?? num(data.duration_ms);
  return own ?? Math.max(0, step.result.at - step.startedAt);
}

/** The exit code of a finished command, when it is known. */
export function exitCode(step: Step): number | undefined {
  const data = isRecord(step.result?.data) ? step.result.data : {};
  const own = num(data.exitCode) ?? num(data.exit_code);
  if (own !== undefined) return own;
  const m = /^(?:Error: )?Exit code (\d+)/.exec(step.result?.text ?? "");
  return m ? Number(m[1]) : undefined;
}

function bashRight(step: Step): Right {
  if (!step.result) return { kind: "none" };
  const ms = stepTime(step);
  const time = ms === undefined ? undefined : duration(ms);
  if (step.state === "failed") {
    const code = exitCode(step);
    if (code !== undefined) return { kind: "exit", code, time };
  }
  return time === undefined ? { kind: "none" } : { kind: "text", text: time };
}

function firstLine(text: string): string {
  return (
    text
      .trim()
      .split("\n", 1)[0]
      ?.replace(/^Error: /, "") ?? ""
  );
}

function spoken(step: Step, w: Unspoken): string {
  const parts = [`${w.verb.replace(/:$/, "")} ${w.target}`.trim()];
  if (w.right.kind === "text") parts.push(w.right.text);
  if (w.right.kind === "lines") {
    const { added, removed } = w.right.counts;
    parts.push(`${added} ${added === 1 ? "line" : "lines"} added`, `${removed} removed`);
  }
  if (w.right.kind === "exit") parts.push(`exit code ${w.right.code}`);
  if (w.error) parts.push(w.error);
  parts.push(stateWord[step.state]);
  return parts.join(", ");
}

const stateWord: Record<Step["state"], string> = {
  writing: "running",
  next: "next",
  running: "running",
  done: "done",
  failed: "failed",
  denied: "not allowed in Ask",
  cut: "stopped",
};
