import { describe, expect, it } from "vitest";
import type { StreamHead } from "@/sync";
import { Pieces } from "./useLiveMessage";

function head(closed: number, tail: string, change: Partial<StreamHead> = {}): StreamHead {
  return {
    messageId: "m1",
    blockIndex: 0,
    kind: "text",
    closed,
    tail,
    blocks: [{ index: 0, kind: "text", closed }],
    startedAt: 0,
    ...change,
  };
}

const text = (pieces: Pieces, h: StreamHead) => pieces.blocks(h).map((b) => b.text);

describe("the pieces of live text", () => {
  it("asks for each closed piece once, and puts them before the tail", () => {
    const pieces = new Pieces();
    const [first, second] = pieces.missing("r1", head(2, "!"));
    expect([first?.args, second?.args]).toEqual([
      { runId: "r1", blockIndex: 0, n: 0 },
      { runId: "r1", blockIndex: 0, n: 1 },
    ]);
    pieces.take({ [first!.key]: "Hello ", [second!.key]: "world" });
    expect(text(pieces, head(2, "!"))).toEqual(["Hello world!"]);
    expect(pieces.missing("r1", head(2, "! More"))).toEqual([]);
  });

  it("never shows less than before while a piece is under way", () => {
    const pieces = new Pieces();
    pieces.missing("r1", head(0, "Hello wor"));
    expect(text(pieces, head(0, "Hello wor"))).toEqual(["Hello wor"]);
    const [asked] = pieces.missing("r1", head(1, "ld"));
    expect(text(pieces, head(1, "ld"))).toEqual(["Hello wor"]);
    pieces.take({ [asked!.key]: "Hello wor" });
    expect(text(pieces, head(1, "ld"))).toEqual(["Hello world"]);
  });

  it("begins anew with another message, and takes no answer that came late", () => {
    const pieces = new Pieces();
    const [old] = pieces.missing("r1", head(1, ""));
    const next = head(0, "New", { messageId: "m2" });
    expect(pieces.missing("r1", next)).toEqual([]);
    pieces.take({ [old!.key]: "old text" });
    expect(text(pieces, next)).toEqual(["New"]);
  });

  it("tells finished blocks from the one that is written", () => {
    const pieces = new Pieces();
    const two = head(0, "{", {
      blockIndex: 1,
      kind: "tool_use",
      blocks: [
        { index: 0, kind: "text", closed: 0 },
        { index: 1, kind: "tool_use", closed: 0, name: "Write", toolUseId: "t1" },
      ],
    });
    pieces.missing("r1", two);
    expect(pieces.blocks(two).map((b) => [b.kind, b.done])).toEqual([
      ["text", true],
      ["tool_use", false],
    ]);
  });
});
