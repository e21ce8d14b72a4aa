import { ConvexError } from "convex/values";
import { describe, expect, it } from "vitest";
import { toRefusal } from "./auth";
import { isMissing, toFault } from "./fault";

describe("toFault", () => {
  it("reads the code and the sentence of a coded error", () => {
    const error = new ConvexError({ code: "name_taken", message: "Taken." });
    expect(toFault(error)).toEqual({ code: "name_taken", message: "Taken.", requestId: undefined });
  });

  it("does not trust a code that it doesn't know", () => {
    expect(toFault(new ConvexError({ code: "surprise", message: "x" })).code).toBe("internal");
  });

  it("keeps the request id and drops the wrapping", () => {
    const error = new Error(
      "[CONVEX M(projects:createProject)] [Request ID: 0f1e2d3c4b5a6978] Server Error\nUncaught Error: Project limit reached\n    at handler (../convex/projects.ts:12:3)\n\n  Called by client",
    );
    expect(toFault(error)).toEqual({
      code: "internal",
      message: "Project limit reached",
      requestId: "0f1e2d3c4b5a6978",
    });
  });

  it("has a sentence where the server says nothing", () => {
    const error = new Error("[CONVEX Q(a:b)] [Request ID: 00] Server Error\n  Called by client");
    expect(toFault(error)).toEqual({ code: "internal", message: "The server failed.", requestId: "00" });
  });
});

it.each([
  [new ConvexError({ code: "not_found", message: "There is no such project." }), true],
  [new Error("Forbidden"), true],
  [new Error("[Request ID: 00] Server Error\nArgumentValidationError: Value does not match validator.\nPath: .projectId"), true],
  [new Error("[Request ID: 00] Server Error"), false],
])("tells ids that lead nowhere from a failing server", (error, missing) => {
  expect(isMissing(toFault(error))).toBe(missing);
});

describe("toRefusal", () => {
  const thrown = (text: string) => new Error(`[Request ID: 00] Server Error\nUncaught Error: ${text}`);
  it.each([
    ["InvalidAccountId", { kind: "wrong" }],
    ["InvalidSecret", { kind: "wrong" }],
    ["TooManyFailedAttempts", { kind: "limited", minutes: 6 }],
    ["Account a@b.c already exists", { kind: "taken" }],
    ["Invalid password", { kind: "short" }],
  ])("%s", (text, refusal) => expect(toRefusal(thrown(text))).toEqual(refusal));
});
