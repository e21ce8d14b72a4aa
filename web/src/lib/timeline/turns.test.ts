// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createTimeline, fold, parsePatch, stepWords, withLive } from ".";
import type { Item, LiveMessage, Step, TimelineRow, TimelineRun, Turn } from ".";

function captured(file: string, prompt = "Build it"): TimelineRow[] {
  const text = readFileSync(new URL(`./testdata/${file}.jsonl`, import.meta.url), "utf8");
  const raws: unknown[] = [
    prompt,
    ...text
      .trim()
      .split("\n")
      .map((l): unknown => JSON.parse(l)),
  ];
  return raws.map((raw, i) => ({ _id: `row${i}`, _creationTime: 1000 + i * 500, raw, runId: "run1" }));
}

function run(status: TimelineRun["status"], over: Partial<TimelineRun> = {}): TimelineRun {
  return { _id: "run1", promptId: "row0", status, mode: "code", queuedAt: 1000, ...over };
}

function only(rows: TimelineRow[], r: TimelineRun = run("succeeded")): Turn {
  const { turns } = createTimeline()({ rows, runs: [r], commits: [] });
  expect(turns).toHaveLength(1);
  return turns[0]!;
}

function steps(turn: Turn): Step[] {
  return turn.items.flatMap((i) => (i.type === "steps" ? i.entries.filter((e) => e.type === "step") : []));
}

const line = (s: Step) => {
  const w = stepWords(s);
  return `${w.verb} ${w.target}`;
};

const shape = (items: Item[]) => items.map((i) => (i.type === "steps" ? `steps ${i.entries.length}` : i.type));

describe("a recorded build", () => {
  const turn = only(captured("01-todo-app"));

  it("shows the prompt, texts and steps in order, and TodoWrite in the plan only", () => {
    expect(turn.prompt?.text).toBe("Build it");
    expect(shape(turn.items)).toEqual(["text", "text", "steps 2", "text"]);
    expect(steps(turn).map(line)).toEqual(["Created index.html", "Ran ls -la && wc -c index.html"]);
    expect(turn.plan?.map((t) => t.status)).toEqual(["completed", "completed", "completed"]);
  });

  it("keys each block by its message and place", () => {
    expect(turn.items[0]?.key).toBe("msg_1_0:0");
    expect(turn.items.at(-1)?.key).toBe("msg_1_4:0");
    expect(steps(turn)[0]?.key).toBe("toolu_s1_1");
  });

  it("reads the footer from the result row", () => {
    expect(turn.state).toBe("done");
    expect(turn.footer).toMatchObject({ durationMs: 1200, tokens: 147318, cachedTokens: 117411, costUsd: 0.1498233 });
  });
});

it("joins results by id in whatever order they come, and tells the failed one", () => {
  const turn = only(captured("05-parallel-tools"));
  expect(steps(turn).map((s) => [s.result?.text, s.state])).toEqual([
    ["one", "done"],
    ["two", "done"],
    ["Exit code 3\nthree", "failed"],
  ]);
  expect(stepWords(steps(turn)[2]!).right).toMatchObject({ kind: "exit", code: 3 });
  expect(stepWords(steps(turn)[2]!).name).toBe("Ran echo three >&2; exit 3, exit code 3, failed");
});

it("says which of several calls runs, and which come next", () => {
  const rows = captured("05-parallel-tools").slice(0, 6);
  expect(steps(only(rows, run("running"))).map(line)).toEqual([
    "Running echo one; sleep 1",
    "Run echo two; sleep 1",
    "Run echo three >&2; exit 3",
  ]);
  const second = run("running", { activity: { kind: "tool", toolUseId: "toolu_s0_2" } });
  expect(steps(only(rows, second)).map((s) => s.state)).toEqual(["next", "running", "next"]);
});

it("says an edit in words, with its lines", () => {
  const [write, read, edit, bad] = steps(only(captured("02-continue-edit-with-tool-error")));
  expect(stepWords(write!).right).toEqual({ kind: "lines", counts: { added: 3, removed: 0 } });
  expect(stepWords(read!)).toMatchObject({
    verb: "Read",
    target: "notes.txt",
    right: { kind: "text", text: "3 lines" },
  });
  expect(stepWords(edit!).name).toBe("Edited notes.txt, 1 line added, 1 removed, done");
  expect(parsePatch(edit!)[1]).toEqual({ sign: "-", text: "beta", line: 2 });
  expect(stepWords(bad!)).toMatchObject({ verb: "Edit failed", error: "String to replace not found in file." });
});

it("names no target before the call that is being written has one", () => {
  const [, read] = steps(only(captured("02-continue-edit-with-tool-error")));
  const writing = (name: string) => stepWords({ ...read!, name, input: {}, result: undefined, state: "writing" }).target;
  expect(["Read", "LS", "Grep"].map(writing)).toEqual(["", "", ""]);
  expect(stepWords({ ...read!, name: "LS", input: {} }).target).toBe(".");
});

it("says that a write changed nothing, or made an empty file, and counts no lines", () => {
  const [write] = steps(only(captured("02-continue-edit-with-tool-error")));
  const wrote = (data: object) => stepWords({ ...write!, result: { ...write!.result!, data } });
  expect(wrote({ type: "update", content: "one\n", structuredPatch: [] })).toMatchObject({
    verb: "Rewrote",
    right: { kind: "text", text: "no change" },
    name: "Rewrote notes.txt, no change, done",
  });
  expect(wrote({ type: "create", content: "", structuredPatch: [] })).toMatchObject({
    verb: "Created",
    right: { kind: "text", text: "empty" },
  });
});

it("keeps thoughts, and the index of the blocks after them", () => {
  const turn = only(captured("09-thinking"));
  expect(shape(turn.items)).toEqual(["thought", "text", "steps 2", "text"]);
  expect(turn.items[1]?.key).toBe("msg_1_0:1");
});

it("never draws a failed result as done", () => {
  const turn = only(
    captured("07-api-error-529-result"),
    run("failed", { error: { code: "overloaded", message: "The model is overloaded." } }),
  );
  expect(turn.state).toBe("failed");
  expect(turn.failure?.message).toBe("The model is overloaded.");
  expect(only(captured("06-result-error-max-turns"), run("failed")).state).toBe("limit");
  expect(only(captured("11-refusal"), run("succeeded")).state).toBe("failed");
});

it("draws no machine-made user text as a prompt", () => {
  const turn = only(captured("12-interrupt-sigint"), run("cancelled"));
  expect(turn.state).toBe("stopped");
  expect(turn.prompt?.text).toBe("Build it");
  expect(shape(turn.items)).toEqual(["steps 1"]);
  expect(steps(turn)[0]?.state).toBe("cut");
});

it("survives input that could not be parsed and rows nobody knows", () => {
  const rows = captured("10-malformed-tool-json");
  rows.splice(3, 0, { _id: "odd", _creationTime: 2400, raw: { type: "stream_event", event: {} }, runId: "run1" });
  expect(steps(only(rows)).map((s) => s.state)).toEqual(["failed", "done"]);
  expect(shape(only(captured("13-compact")).items)).toContain("remark");
});

it("keeps a queued prompt out of the timeline", () => {
  const rows = [...captured("01-todo-app"), { _id: "p2", _creationTime: 2000, raw: "And a README", runId: "run2" }];
  const runs = [
    run("running"),
    { _id: "run2", promptId: "p2", status: "queued" as const, queuedAt: 2000, position: 0 },
  ];
  const { turns, queued } = createTimeline()({ rows, runs, commits: [] });
  expect(turns.map((t) => t.key)).toEqual(["run1"]);
  expect(queued).toMatchObject([{ text: "And a README", position: 0 }]);
});

it("puts rows of an earlier run before a prompt that was typed while it worked", () => {
  const rows = captured("01-todo-app");
  rows.splice(4, 0, { _id: "p2", _creationTime: 1100, raw: "Then more", runId: "run2" });
  const runs = [run("succeeded"), { _id: "run2", promptId: "p2", status: "running" as const, queuedAt: 1100 }];
  const { turns } = createTimeline()({ rows, runs, commits: [] });
  expect(turns.map((t) => [t.prompt?.text, t.items.length])).toEqual([
    ["Build it", 4],
    ["Then more", 0],
  ]);
});

it("gives a page that begins inside a tool pair no nameless row", () => {
  const turn = only(captured("02-continue-edit-with-tool-error").slice(3));
  expect(turn.prompt).toBeUndefined();
  expect(steps(turn).map(line)).toEqual(["Read notes.txt", "Edited notes.txt", "Edit failed notes.txt"]);
});

it("ties the checkpoint to its result row", () => {
  const rows = captured("01-todo-app");
  const commit = { _id: "c1", _creationTime: 1, sha: "abc", messageId: rows.at(-1)!._id, version: 1 };
  const { turns } = createTimeline()({ rows, runs: [run("succeeded")], commits: [commit] });
  expect(turns[0]?.checkpoint?._id).toBe("c1");
});

it("marks the place at which a run was picked up after a restart, once and wherever it is read from", () => {
  const rows = captured("01-todo-app");
  const place = (shown: TimelineRow[], resumedAt: number) =>
    shape(createTimeline()({ rows: shown, runs: [run("running", { resumedAt })], commits: [] }).turns[0]!.items);
  const at = rows[3]!._creationTime + 10;
  expect(place(rows, at)).toEqual(["text", "remark", "text", "steps 2", "text"]);
  expect(place(rows.slice(0, 4), at)).toEqual(["text", "remark"]);
  // On a page that begins later the restart is not in sight.
  expect(place(rows.slice(4), at)).not.toContain("remark");
});

it("makes the same turn object again unless something of it changed", () => {
  const build = createTimeline();
  const rows = captured("01-todo-app");
  const first = build({ rows, runs: [run("running")], commits: [] });
  const again = build({ rows: structuredClone(rows), runs: [run("running")], commits: [] });
  expect(again.turns[0]).toBe(first.turns[0]);
  const next = build({ rows, runs: [run("succeeded")], commits: [] });
  expect(next.turns[0]).not.toBe(first.turns[0]);
});

describe("the message that is being written", () => {
  const rows = captured("01-todo-app").slice(0, 2);
  const live: LiveMessage = {
    runId: "run1",
    messageId: "msg_1_0",
    blocks: [
      { index: 0, kind: "text", text: "I'll build this in", done: false },
      {
        index: 1,
        kind: "tool_use",
        text: '{"file_path":"/workspace/a.ts","content":"x',
        done: false,
        name: "Write",
        toolUseId: "toolu_x",
      },
    ],
  };

  it("has the keys that its row will have", () => {
    const turn = withLive(only(rows, run("running")), live);
    expect(turn.items[0]).toMatchObject({ type: "text", key: "msg_1_0:0", live: true });
    expect(steps(turn).map(line)).toEqual(["Writing a.ts"]);
  });

  it("gives way to the row at once, and never touches the stored turn", () => {
    const stored = only(captured("01-todo-app").slice(0, 3), run("running"));
    expect(withLive(stored, live)).toBe(stored);
    const before = only(rows, run("running"));
    withLive(before, live);
    expect(before.items).toEqual([]);
  });

  it("is not drawn into a run that has ended", () => {
    const ended = only(rows, run("cancelled"));
    expect(withLive(ended, live)).toBe(ended);
  });
});

describe("folding", () => {
  const step = (n: number, over: Partial<Step> = {}): Step => ({
    type: "step",
    key: `t${n}`,
    name: "Read",
    input: { file_path: `/workspace/f${n}` },
    state: "done",
    startedAt: 0,
    ...over,
  });
  const never = () => false;

  it("keeps up to four, then folds the oldest as more come", () => {
    const four = [1, 2, 3, 4].map((n) => step(n));
    expect(fold(four, { settled: false, keep: never }).hidden).toEqual([]);
    const seven = fold(
      [1, 2, 3, 4, 5, 6, 7].map((n) => step(n)),
      { settled: false, keep: never },
    );
    expect(seven.shown.map((e) => e.key)).toEqual(["t4", "t5", "t6", "t7"]);
    expect([seven.title, seven.summary]).toEqual(["3 steps", "3 read"]);
  });

  it("folds no single row", () => {
    const five = [1, 2, 3, 4, 5].map((n) => step(n));
    expect(fold(five, { settled: false, keep: never }).shown).toHaveLength(5);
  });

  it("never hides a failed one or one the reader opened", () => {
    const entries = [1, 2, 3, 4, 5, 6].map((n) => step(n, n === 1 ? { state: "failed" } : {}));
    const f = fold(entries, { settled: true, keep: (k) => k === "t3" });
    expect(f.shown.map((e) => e.key)).toEqual(["t1", "t3"]);
    expect(f.title).toBe("4 steps");
  });
});
