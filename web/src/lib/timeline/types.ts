/**
 * What the timeline is made from (documents, as the server sends them) and
 * what it is made into (turns of blocks, ready to draw). Only the fields that
 * are read are named; documents may hold more.
 */

export interface TimelineRow {
  _id: string;
  _creationTime: number;
  role?: string;
  raw: unknown;
  runId?: string;
}

export type RunStatus = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "interrupted";

export interface RunWaiting {
  /** Milliseconds since the epoch at which the next attempt starts. */
  until: number;
  attempt: number;
  of: number;
  reason?: string;
}

export interface RunError {
  code?: string;
  message: string;
}

export interface TimelineRun {
  _id: string;
  _creationTime?: number;
  promptId?: string;
  status: RunStatus;
  mode?: string;
  model?: string;
  queuedAt?: number;
  startedAt?: number;
  endedAt?: number;
  step?: number;
  position?: number;
  waiting?: RunWaiting | null;
  /** When the server came back in the middle of this run, the last time. */
  resumedAt?: number;
  stopRequestedAt?: number | null;
  error?: RunError | null;
  activity?: { kind: string; toolUseId?: string; name?: string; startedAt?: number } | null;
}

export interface CommitStats {
  filesChanged: number;
  additions: number;
  deletions: number;
  files?: { path: string; additions: number; deletions: number }[];
}

export interface TimelineCommit {
  _id: string;
  _creationTime: number;
  sha: string;
  message?: string;
  version?: number;
  stats?: CommitStats;
  /** The result row that this checkpoint belongs to. */
  messageId?: string;
}

/** The message that the model is writing now, put together from the stream. */
export interface LiveMessage {
  runId: string;
  messageId: string;
  startedAt?: number;
  blocks: LiveBlock[];
}

export interface LiveBlock {
  index: number;
  kind: "text" | "thinking" | "tool_use";
  text: string;
  /** The model has finished this block. */
  done: boolean;
  name?: string;
  toolUseId?: string;
}

export interface Todo {
  content: string;
  activeForm?: string;
  status: "pending" | "in_progress" | "completed";
}

export interface ToolResult {
  text: string;
  isError: boolean;
  /** The structured form of the result, when the tool has one. */
  data: unknown;
  at: number;
}

/** writing: its input is still being streamed; next: it waits for the step before it; cut: the run ended without its result. */
export type StepState = "writing" | "next" | "running" | "done" | "failed" | "denied" | "cut";

export interface Step {
  type: "step";
  key: string;
  name: string;
  input: Record<string, unknown>;
  state: StepState;
  startedAt: number;
  result?: ToolResult;
}

/** A stretch of the model's thinking. Its times are known only where the client saw it or the row tells. */
export interface Thought {
  type: "thought";
  key: string;
  text: string;
  live: boolean;
  durationMs?: number;
}

/** One row of a group: thoughts between two steps are rows of their group and are not counted. */
export type Entry = Step | Thought;

export type Item =
  | { type: "text"; key: string; text: string; live: boolean; cut: boolean }
  | Thought
  | { type: "steps"; key: string; entries: Entry[] }
  | { type: "remark"; key: string; text: string };

export type TurnState = "queued" | "working" | "done" | "stopped" | "limit" | "failed";

export interface Footer {
  key: string;
  durationMs?: number;
  steps: number;
  tokens: number;
  cachedTokens: number;
  costUsd?: number;
}

export interface Failure {
  code?: string;
  message: string;
  /** Everything that is known, for "Copy details". */
  details: string;
}

export interface Turn {
  key: string;
  runId?: string;
  run?: TimelineRun;
  prompt?: { key: string; text: string; at: number };
  items: Item[];
  plan?: Todo[];
  state: TurnState;
  footer?: Footer;
  failure?: Failure;
  checkpoint?: TimelineCommit;
  mode?: string;
  /** Ids of the model messages whose rows are in this turn. */
  messages: string[];
  /** When the newest row of this turn was written. */
  lastAt: number;
}

export interface QueuedPrompt {
  key: string;
  runId?: string;
  text: string;
  position?: number;
}
