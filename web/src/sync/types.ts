/**
 * The documents and answers of the server, as the workspace reads them. Optional fields may be absent; times are ms
 * since 1970. Fields that only the server uses are left out.
 */

export type Id<Table extends string> = string & { readonly __table?: Table };

export type User = {
  _id: Id<"users">;
  _creationTime: number;
  name?: string;
  email?: string;
  image?: string;
  isAnonymous?: boolean;
};

export type SandboxStatus = "pending" | "starting" | "started" | "stopped" | "error";

export type SandboxStep = { id: string; label: string; startedAt?: number; endedAt?: number };

export type DevServer = {
  status: string;
  exitCode?: number;
  lastLines?: string[];
  error?: string;
};

export type Sandbox = {
  status: SandboxStatus;
  isInitialized: boolean;
  error?: string;
  devServer?: DevServer;
  /** True steps while the sandbox is prepared. */
  steps?: SandboxStep[];
  wakingSince?: number;
  /** The machine is full: it starts once another project falls asleep. */
  waitsFor?: "room";
};

export type DeployStatus =
  | "queued"
  | "starting"
  | "building"
  | "uploading"
  | "deployed"
  | "build_failed"
  | "deploy_failed";

export type ProjectDeployment = {
  status: DeployStatus;
  name?: string;
  previewUrl?: string;
  stage?: string;
  error?: string;
};

export type Project = {
  _id: Id<"projects">;
  _creationTime: number;
  userId: Id<"users">;
  name: string;
  settings?: { public?: boolean };
  deployment?: ProjectDeployment;
  sandboxId?: string;
  sandbox?: Sandbox;
  metadata?: { templateSlug?: string };
};

export type Template = {
  _id: Id<"templates">;
  slug: string;
  name: string;
  description?: string;
};

export type Session = {
  _id: Id<"sessions">;
  _creationTime: number;
  projectId: Id<"projects">;
  title?: string;
  stats?: Record<string, unknown>;
};

export type Mode = "code" | "ask";

/** One row of the timeline. `raw` is the agent's message; see the readers in features/sessions. */
export type MessageRow = {
  _id: Id<"sessionMessages">;
  _creationTime: number;
  sessionId: Id<"sessions">;
  role?: string;
  raw: unknown;
  runId?: Id<"runs">;
};

export type RunStatus = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "interrupted";

export type Spent = {
  inputTokens: number;
  outputTokens: number;
  cacheReadInputTokens: number;
  cacheCreationInputTokens: number;
  /** Absent where the price of the model is unknown. */
  costUsd?: number;
};

export type Run = {
  _id: Id<"runs">;
  _creationTime: number;
  sessionId: Id<"sessions">;
  projectId: Id<"projects">;
  /** The row of the prompt. */
  promptId: Id<"sessionMessages">;
  status: RunStatus;
  mode: Mode;
  model: string;
  queuedAt: number;
  startedAt?: number;
  endedAt?: number;
  /** Model calls so far. */
  step: number;
  spent: Spent;
  /** Queued only; 0 is next. */
  position?: number;
  waiting?: { until: number; attempt: number; of: number; reason: string };
  /** When the server came back in the middle of this run, the last time. */
  resumedAt?: number;
  stopRequestedAt?: number;
  error?: { code: string; message: string };
  activity?: { kind: "thinking" | "text" | "tool"; toolUseId?: string; name?: string; startedAt: number };
};

export type BlockKind = "text" | "thinking" | "tool_use";

/** Where the live text stands. Pieces 0 to closed-1 of the block are asked for with `runs:streamChunk`. */
export type StreamHead = {
  messageId: string;
  blockIndex: number;
  kind: BlockKind;
  closed: number;
  tail: string;
  blocks: { index: number; kind: BlockKind; closed: number; name?: string; toolUseId?: string }[];
  startedAt: number;
};

export type CommitStats = { filesChanged: number; additions: number; deletions: number; files?: FileStats[] };

export type FileStats = { path: string; additions: number; deletions: number };

/** A checkpoint; `version` counts them within the project, from 1. */
export type Commit = {
  _id: Id<"commits">;
  _creationTime: number;
  sha: string;
  sessionId: Id<"sessions">;
  projectId: Id<"projects">;
  message?: string;
  version?: number;
  stats?: CommitStats;
  messageId?: Id<"sessionMessages">;
  metadata?: Record<string, unknown>;
};

export type DeployStep = {
  id: "queued" | "build" | "collect" | "upload" | "verify";
  label: string;
  startedAt?: number;
  endedAt?: number;
  failed?: boolean;
};

export type Deployment = {
  _id: Id<"deployments">;
  _creationTime: number;
  projectId: Id<"projects">;
  name: string;
  status: DeployStatus;
  stage?: string;
  /** The last lines of the log. */
  log?: string;
  startedAt: number;
  endedAt?: number;
  steps?: DeployStep[];
  url?: string;
  error?: string;
  commitSha?: string;
  checkpoint?: number;
};

export type NameCheck = { ok: boolean; name: string; url: string; reason?: "taken" | "reserved" | "bad" };

export type ClientConfig = {
  /** No key: the demo model plays recorded builds. */
  demo: boolean;
  providers: string[];
  model: { id: string; name: string };
  google: boolean;
  limits: { projects: number };
  /** Deployed apps answer on `<name>.<domain>`. */
  domain: string;
  /** The base of all sandboxes is still being built. */
  preparing?: { step: string; startedAt?: number };
  /** Building it failed. The server tries again by itself. */
  preparingFailed?: { message: string; hint: string };
};

export type FileEntry = {
  name: string;
  path: string;
  isDir: boolean;
  size?: number;
  modTime?: string;
  mode?: string;
};

export type FileNode = { name: string; path: string; isDir: boolean; children?: FileNode[] };

export type FileContent = { content: string; encoding: "utf8" | "base64" };
