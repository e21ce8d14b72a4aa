import type { Todo } from "./types";

/** One stored row, reduced to what the timeline draws. */
export type Parsed =
  | { kind: "prompt"; text: string }
  | { kind: "assistant"; messageId: string; blocks: ParsedBlock[]; synthetic: boolean; cut: boolean }
  | { kind: "results"; results: ParsedResult[] }
  | { kind: "result"; result: ParsedOutcome }
  | { kind: "remark"; text: string }
  | { kind: "none" };

export type ParsedBlock =
  | { type: "text"; text: string }
  | { type: "thinking"; text: string; durationMs?: number }
  | { type: "tool_use"; id: string; name: string; input: Record<string, unknown> }
  | { type: "other" };

export interface ParsedResult {
  id: string;
  text: string;
  isError: boolean;
  data: unknown;
}

export interface ParsedOutcome {
  subtype: string;
  isError: boolean;
  text?: string;
  errors: string[];
  code?: string;
  durationMs?: number;
  steps?: number;
  costUsd?: number;
  tokens: number;
  cachedTokens: number;
}

type Rec = Record<string, unknown>;

export function isRecord(v: unknown): v is Rec {
  return typeof v === "object" && v !== null && !Array.isArray(v);
}

export function str(v: unknown): string | undefined {
  return typeof v === "string" ? v : undefined;
}

export function num(v: unknown): number | undefined {
  if (typeof v === "bigint") return Number(v);
  return typeof v === "number" && Number.isFinite(v) ? v : undefined;
}

/** Reads the `raw` of a row. Shapes that nobody knows become "none": raw JSON is never drawn. */
export function parseRaw(raw: unknown): Parsed {
  if (typeof raw === "string") return { kind: "prompt", text: raw };
  if (!isRecord(raw)) return { kind: "none" };
  switch (raw.type) {
    case "assistant":
    case "message":
      return parseAssistant(raw);
    case "user":
      return parseUser(raw);
    case "result":
      return { kind: "result", result: parseOutcome(raw) };
    case "system":
      return parseSystem(raw);
    default:
      return { kind: "none" };
  }
}

function parseAssistant(raw: Rec): Parsed {
  const message = isRecord(raw.message) ? raw.message : raw;
  const content = message.content;
  const blocks: ParsedBlock[] = [];
  if (typeof content === "string") blocks.push({ type: "text", text: content });
  else if (Array.isArray(content)) for (const part of content) blocks.push(parseBlock(part));
  return {
    kind: "assistant",
    messageId: str(message.id) ?? str(raw.uuid) ?? "",
    blocks,
    synthetic: message.model === "<synthetic>",
    cut: raw.cut_off === true || raw.interrupted === true || message.stop_reason === "cancelled",
  };
}

// Blocks of kinds that are not drawn keep their place: the index of a block is part of its key.
function parseBlock(part: unknown): ParsedBlock {
  if (!isRecord(part)) return { type: "other" };
  if (part.type === "text") return { type: "text", text: str(part.text) ?? "" };
  if (part.type === "thinking") {
    return { type: "thinking", text: str(part.thinking) ?? "", durationMs: num(part.duration_ms) };
  }
  if (part.type === "tool_use") {
    return {
      type: "tool_use",
      id: str(part.id) ?? "",
      name: str(part.name) ?? "tool",
      input: isRecord(part.input) ? part.input : {},
    };
  }
  return { type: "other" };
}

function parseUser(raw: Rec): Parsed {
  const message = isRecord(raw.message) ? raw.message : raw;
  const content = message.content;
  if (typeof content === "string") {
    const compacted = /<local-command-stdout>[\s\S]*compacted/i.test(content);
    return compacted ? { kind: "remark", text: "Earlier rows were summarised" } : { kind: "none" };
  }
  if (!Array.isArray(content)) return { kind: "none" };
  const results: ParsedResult[] = [];
  for (const part of content) {
    if (!isRecord(part) || part.type !== "tool_result") continue;
    results.push({
      id: str(part.tool_use_id) ?? "",
      text: cleanToolText(contentText(part.content)),
      isError: part.is_error === true,
      data: raw.tool_use_result,
    });
  }
  // Text in a user object was put there by the agent's own machinery, never typed by a person.
  return results.length > 0 ? { kind: "results", results } : { kind: "none" };
}

function parseSystem(raw: Rec): Parsed {
  if (raw.subtype === "compact_boundary") return { kind: "remark", text: "Earlier rows were summarised" };
  return { kind: "none" };
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  const texts = content.map((p) => {
    if (!isRecord(p)) return "";
    if (p.type === "text") return str(p.text) ?? "";
    return p.type === "image" ? "(image)" : "";
  });
  return texts.filter(Boolean).join("\n");
}

function cleanToolText(text: string): string {
  const m = /^<tool_use_error>([\s\S]*?)<\/tool_use_error>\s*$/.exec(text);
  return m?.[1] ?? text;
}

function parseOutcome(raw: Rec): ParsedOutcome {
  const usage = isRecord(raw.usage) ? raw.usage : {};
  const input = num(usage.input_tokens) ?? 0;
  const created = num(usage.cache_creation_input_tokens) ?? 0;
  const cached = num(usage.cache_read_input_tokens) ?? 0;
  const output = num(usage.output_tokens) ?? 0;
  const errors = Array.isArray(raw.errors) ? raw.errors.filter((e): e is string => typeof e === "string") : [];
  return {
    subtype: str(raw.subtype) ?? "success",
    isError: raw.is_error === true,
    text: str(raw.result),
    errors,
    code:
      str(raw.error_code) ?? (num(raw.api_error_status) !== undefined ? `api_${num(raw.api_error_status)}` : undefined),
    durationMs: num(raw.duration_ms),
    steps: num(raw.steps),
    costUsd: num(raw.total_cost_usd),
    tokens: input + created + cached + output,
    cachedTokens: cached,
  };
}

/** The todos of a TodoWrite call; undefined where the input is not such a list. */
export function parseTodos(input: Record<string, unknown>): Todo[] | undefined {
  if (!Array.isArray(input.todos)) return undefined;
  const todos: Todo[] = [];
  for (const t of input.todos) {
    if (!isRecord(t)) continue;
    const content = str(t.content) ?? str(t.text);
    if (content === undefined) continue;
    const status = t.status === "completed" || t.status === "in_progress" ? t.status : "pending";
    todos.push({ content, status, activeForm: str(t.activeForm) });
  }
  return todos;
}
