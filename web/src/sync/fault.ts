import { ConvexError } from "convex/values";

/** The codes that the workspace branches on; anything else reads as "internal". */
export type FaultCode =
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "quota"
  | "name_taken"
  | "name_reserved"
  | "name_bad"
  | "conflict"
  | "unavailable"
  | "internal";

/** What went wrong, fit to be shown: `message` is a sentence for people, `requestId` finds the cause in the log. */
export type Fault = { code: FaultCode; message: string; requestId?: string };

/** A fault that is thrown on, for the error boundary around a part. */
export class FaultError extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message);
  }
}

const codes = new Set<string>([
  "unauthenticated",
  "forbidden",
  "not_found",
  "quota",
  "name_taken",
  "name_reserved",
  "name_bad",
  "conflict",
  "unavailable",
]);

/** Reads a fault from whatever a query, mutation or action threw. */
export function toFault(error: unknown): Fault {
  if (error instanceof FaultError) return error.fault;
  const text = error instanceof Error ? error.message : String(error);
  const requestId = /\[Request ID: ([^\]]+)\]/.exec(text)?.[1];
  if (error instanceof ConvexError) {
    const data: unknown = error.data;
    if (typeof data === "object" && data !== null && "code" in data) {
      const { code, message } = data as { code: unknown; message?: unknown };
      return {
        code: typeof code === "string" && codes.has(code) ? (code as FaultCode) : "internal",
        message: typeof message === "string" ? message : "The server refused this.",
        requestId,
      };
    }
    if (typeof data === "string") return { code: "internal", message: data, requestId };
  }
  const message = plainText(text);
  if (message === "Unauthenticated") return { code: "unauthenticated", message: "Please sign in again.", requestId };
  if (message === "Forbidden") return { code: "forbidden", message, requestId };
  return { code: "internal", message: message || "The server failed.", requestId };
}

/** Whether a fault about an id means that it leads nowhere: missing, another person's, or no id at all. */
export function isMissing(fault: Fault): boolean {
  return fault.code === "not_found" || fault.code === "forbidden" || fault.message.startsWith("ArgumentValidationError");
}

/** Strips what the client library and the server wrap around a text: the call, the request id, the stack. */
function plainText(text: string): string {
  const stripped = text
    .replace(/^\[CONVEX [A-Z]\([^)]*\)\] /, "")
    .replace(/\[Request ID: [^\]]*\] ?/, "")
    .replace(/^Server Error\n?/, "")
    .replace(/\n\s+at [\s\S]*$/, "")
    .replace(/\s*Called by client\s*$/, "")
    .replace(/^Uncaught (\w*Error: )?/, "");
  return stripped.trim();
}
