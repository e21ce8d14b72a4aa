import { parseRaw, parseTodos, type Parsed, type ParsedOutcome, type ParsedResult } from "./parse";
import type {
  Failure,
  Footer,
  Item,
  QueuedPrompt,
  Step,
  StepState,
  Thought,
  TimelineCommit,
  TimelineRow,
  TimelineRun,
  ToolResult,
  Turn,
  TurnState,
} from "./types";

export interface TimelineInput {
  /** Ascending by creation. */
  rows: TimelineRow[];
  runs: TimelineRun[];
  commits: TimelineCommit[];
}

export interface Timeline {
  turns: Turn[];
  /** Prompts whose run has not begun: they are shown in the queue box only. */
  queued: QueuedPrompt[];
}

/** The rows of one run (or, for rows without a run, from one prompt to the next). */
interface Bucket {
  key: string;
  order: number;
  run?: TimelineRun;
  rows: { row: TimelineRow; parsed: Parsed }[];
  results: Map<string, ToolResult>;
  sign: string[];
}

/**
 * A builder of timelines that remembers what it made: rows never change, so each is
 * read once, and a turn whose rows, run and commit are the same is the same object
 * again. So a new row redraws one turn, however long the session is.
 */
export function createTimeline(): (input: TimelineInput) => Timeline {
  const parsedById = new Map<string, Parsed>();
  const made = new Map<string, { sign: string; turn: Turn }>();

  function parsed(row: TimelineRow): Parsed {
    let p = parsedById.get(row._id);
    if (!p) {
      p = parseRaw(row.raw);
      parsedById.set(row._id, p);
    }
    return p;
  }

  return function build({ rows, runs, commits }) {
    const { buckets, queued } = fill(rows, runs, parsed);
    const commitByRow = new Map<string, TimelineCommit>();
    for (const c of commits) if (c.messageId) commitByRow.set(c.messageId, c);
    const turns = buckets.map((bucket) => {
      const commit = bucket.rows.map((r) => commitByRow.get(r.row._id)).find(Boolean);
      const sign = [...bucket.sign, JSON.stringify(bucket.run ?? null, plainInt), commit?._id ?? ""].join("|");
      const old = made.get(bucket.key);
      if (old?.sign === sign) return old.turn;
      const turn = makeTurn(bucket, commit);
      made.set(bucket.key, { sign, turn });
      return turn;
    });
    return { turns, queued };
  };
}

// int64 values reach JavaScript as bigint, which JSON refuses.
function plainInt(_key: string, v: unknown): unknown {
  return typeof v === "bigint" ? v.toString() : v;
}

function fill(rows: TimelineRow[], runs: TimelineRun[], parsed: (row: TimelineRow) => Parsed) {
  const runById = new Map(runs.map((r) => [r._id, r]));
  const runByPrompt = new Map(runs.filter((r) => r.promptId).map((r) => [r.promptId, r]));
  const buckets = new Map<string, Bucket>();
  const queued: QueuedPrompt[] = [];
  const owner = new Map<string, Bucket>();
  let loose: Bucket | undefined;

  for (const row of rows) {
    const p = parsed(row);
    const run = runByPrompt.get(row._id) ?? (row.runId ? runById.get(row.runId) : undefined);
    const runId = run?._id ?? row.runId;
    if (p.kind === "prompt" && run?.status === "queued") {
      queued.push({ key: row._id, runId, text: p.text, position: run.position });
      continue;
    }
    let bucket: Bucket;
    if (runId) {
      bucket = buckets.get(runId) ?? open(runId, row, run);
    } else if (p.kind === "prompt" || !loose) {
      bucket = loose = open(row._id, row, undefined);
    } else {
      bucket = loose;
    }
    if (p.kind === "results") {
      for (const r of p.results) {
        const to = owner.get(r.id);
        if (!to) continue; // its call is on a page that is not loaded
        to.results.set(r.id, toResult(r, row._creationTime));
        to.sign.push(row._id);
      }
    }
    if (p.kind === "assistant") for (const b of p.blocks) if (b.type === "tool_use") owner.set(b.id, bucket);
    bucket.rows.push({ row, parsed: p });
    bucket.sign.push(row._id);
  }

  function open(key: string, row: TimelineRow, run: TimelineRun | undefined): Bucket {
    const order = run?.queuedAt ?? run?._creationTime ?? row._creationTime;
    const bucket: Bucket = { key, order, run, rows: [], results: new Map(), sign: [] };
    buckets.set(key, bucket);
    return bucket;
  }

  queued.sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  return { buckets: [...buckets.values()].sort((a, b) => a.order - b.order), queued };
}

function toResult(r: ParsedResult, at: number): ToolResult {
  return { text: r.text, isError: r.isError, data: r.data, at };
}

function makeTurn(bucket: Bucket, checkpoint: TimelineCommit | undefined): Turn {
  const { run } = bucket;
  const outcomeRow = bucket.rows.findLast((r) => r.parsed.kind === "result");
  const outcome = outcomeRow?.parsed.kind === "result" ? outcomeRow.parsed.result : undefined;
  const state = turnState(run, outcome);
  const turn: Turn = {
    key: bucket.key,
    runId: run?._id ?? bucket.rows[0]?.row.runId,
    run,
    items: [],
    state,
    checkpoint,
    mode: run?.mode,
    messages: [],
    lastAt: bucket.rows.at(-1)?.row._creationTime ?? 0,
  };
  addItems(turn, bucket);
  if (state === "working") markNext(turn);
  if (outcome && outcomeRow) turn.footer = makeFooter(outcomeRow.row._id, outcome, turn);
  if (state === "failed" || state === "limit") turn.failure = makeFailure(run, outcome);
  markCut(turn, bucket);
  return turn;
}

function addItems(turn: Turn, bucket: Bucket): void {
  const seen = new Map<string, number>();
  bucket.rows.forEach(({ row, parsed: p }, i) => {
    if (p.kind === "prompt") {
      if (!turn.prompt) turn.prompt = { key: row._id, text: p.text, at: row._creationTime };
    } else if (p.kind === "remark") {
      turn.items.push({ type: "remark", key: row._id, text: p.text });
    } else if (p.kind === "assistant" && !p.synthetic) {
      const id = p.messageId || row._id;
      if (!turn.messages.includes(id)) turn.messages.push(id);
      // A message may be stored in one row or one row per block: the index counts over both.
      let index = seen.get(id) ?? 0;
      for (const block of p.blocks) {
        const key = `${id}:${index++}`;
        if (block.type === "text" && block.text.trim() !== "") {
          turn.items.push({ type: "text", key, text: block.text, live: false, cut: false });
        } else if (block.type === "thinking" && block.text.trim() !== "") {
          addThought(turn.items, { type: "thought", key, text: block.text, live: false, durationMs: block.durationMs });
        } else if (block.type === "tool_use") {
          const todos = block.name === "TodoWrite" ? parseTodos(block.input) : undefined;
          if (todos) turn.plan = todos;
          else addStep(turn.items, makeStep(block, row._creationTime, bucket, turn.state));
        }
      }
      seen.set(id, index);
    }
    if (resumedBetween(bucket.run?.resumedAt, row, bucket.rows[i + 1]?.row)) {
      turn.items.push({ type: "remark", key: `resumed:${bucket.key}`, text: "Picked up after a restart" });
    }
  });
}

// That a run was picked up after a restart is a fact of the run, not a row: its time tells its place.
function resumedBetween(at: number | undefined, row: TimelineRow, next: TimelineRow | undefined): boolean {
  return at !== undefined && at >= row._creationTime && (next === undefined || at < next._creationTime);
}

function makeStep(
  block: { id: string; name: string; input: Record<string, unknown> },
  at: number,
  bucket: Bucket,
  state: TurnState,
): Step {
  const result = bucket.results.get(block.id);
  return {
    type: "step",
    key: block.id,
    name: block.name,
    input: block.input,
    startedAt: at,
    state: stepState(result, state),
    result,
  };
}

// Of the calls of one message one runs after the other: which one now, the run says; until then it is the first.
function markNext(turn: Turn): void {
  const open = turn.items.flatMap((i) =>
    i.type === "steps" ? i.entries.filter((e): e is Step => e.type === "step" && e.state === "running") : [],
  );
  const now = open.find((s) => s.key === turn.run?.activity?.toolUseId) ?? open[0];
  for (const step of open) if (step !== now) step.state = "next";
}

function stepState(result: ToolResult | undefined, turn: TurnState): StepState {
  if (!result) return turn === "working" ? "running" : "cut";
  if (!result.isError) return "done";
  if (/^not allowed in ask/i.test(result.text)) return "denied";
  if (/stopped by the (person|user)|^the user doesn't want to proceed/i.test(result.text)) return "cut";
  return "failed";
}

/** Adds a step to the group at the end, or begins a group there. */
export function addStep(items: Item[], step: Step): void {
  const last = items.at(-1);
  if (last?.type === "steps") last.entries.push(step);
  else items.push({ type: "steps", key: `steps:${step.key}`, entries: [step] });
}

/** A thought after steps is a row of their group, so that a group is not torn at each thought. */
export function addThought(items: Item[], thought: Thought): void {
  const last = items.at(-1);
  if (last?.type === "steps") last.entries.push(thought);
  else items.push(thought);
}

function turnState(run: TimelineRun | undefined, outcome: ParsedOutcome | undefined): TurnState {
  if (run && (run.status === "running" || run.status === "waiting")) return "working";
  if (run?.status === "queued") return "queued";
  const subtype = outcome?.subtype ?? "";
  if (run?.status === "cancelled" || subtype === "error_cancelled") return "stopped";
  if (subtype.startsWith("error_max_")) return "limit";
  if (run?.status === "failed" || run?.status === "interrupted") return "failed";
  if (outcome && (outcome.isError || subtype !== "success")) return "failed";
  return "done";
}

function makeFooter(key: string, o: ParsedOutcome, turn: Turn): Footer {
  const counted = turn.items.reduce((n, i) => n + (i.type === "steps" ? countSteps(i.entries) : 0), 0);
  return {
    key,
    durationMs: o.durationMs,
    // The row counts calls of the model; a step is what the timeline shows as one.
    steps: turn.prompt ? counted : (o.steps ?? counted),
    tokens: o.tokens,
    cachedTokens: o.cachedTokens,
    costUsd: o.costUsd,
  };
}

export function countSteps(entries: { type: string }[]): number {
  return entries.filter((e) => e.type === "step").length;
}

function makeFailure(run: TimelineRun | undefined, o: ParsedOutcome | undefined): Failure {
  const message = run?.error?.message ?? o?.errors[0] ?? o?.text ?? "The run ended without a result.";
  const code = run?.error?.code ?? o?.code ?? o?.subtype;
  const details = [
    run ? `run ${run._id}` : "",
    code ? `code ${code}` : "",
    o ? `result ${o.subtype}` : "",
    message,
    ...(o?.errors ?? []).filter((e) => e !== message),
  ];
  return { code, message, details: details.filter(Boolean).join("\n") };
}

// Text that was being written when the run ended stays and says so.
function markCut(turn: Turn, bucket: Bucket): void {
  if (turn.state === "working" || turn.state === "done") return;
  const last = turn.items.at(-1);
  if (last?.type !== "text") return;
  const row = bucket.rows.findLast((r) => r.parsed.kind === "assistant");
  if (row?.parsed.kind === "assistant" && row.parsed.cut) last.cut = true;
}
