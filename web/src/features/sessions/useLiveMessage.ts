import { useMemo, useRef } from "react";
import type { LiveBlock, LiveMessage } from "@/lib/timeline";
import { api, type StreamHead, useEach, useQuery } from "@/sync";

/**
 * The message that the model is writing now. The head tells how far each block has come;
 * the closed pieces never change, so each is asked for once and then kept here.
 */
export function useLiveMessage(runId: string | undefined): LiveMessage | null {
  const head = useQuery(api.runs.streamHead, runId ? { runId } : "skip");
  const store = useRef<Pieces>(new Pieces());
  const missing = runId && head ? store.current.missing(runId, head) : [];
  const answers = useEach(api.runs.streamChunk, Object.fromEntries(missing.map((m) => [m.key, m.args])));
  return useMemo(() => {
    if (!runId || !head) return null;
    store.current.take(answers);
    return { runId, messageId: head.messageId, startedAt: head.startedAt, blocks: store.current.blocks(head) };
  }, [runId, head, answers]);
}

type Question = { key: string; args: { runId: string; blockIndex: number; n: number } };

/** The pieces of one message, by block and number. */
export class Pieces {
  #message = "";
  #pieces = new Map<string, string>();
  #shown = new Map<number, string>();

  /** What has to be asked for so that all closed pieces are there. */
  missing(runId: string, head: StreamHead): Question[] {
    const message = `${runId}/${head.messageId}`;
    if (message !== this.#message) {
      this.#message = message;
      this.#pieces.clear();
      this.#shown.clear();
    }
    const out: Question[] = [];
    for (const block of head.blocks) {
      for (let n = 0; n < block.closed; n++) {
        const key = `${message}/${block.index}/${n}`;
        if (!this.#pieces.has(key)) out.push({ key, args: { runId, blockIndex: block.index, n } });
      }
    }
    return out;
  }

  take(answers: Record<string, unknown>): void {
    for (const [key, text] of Object.entries(answers)) {
      if (typeof text === "string" && key.startsWith(this.#message)) this.#pieces.set(key, text);
    }
  }

  blocks(head: StreamHead): LiveBlock[] {
    return head.blocks.map((block) => {
      const current = block.index === head.blockIndex;
      return {
        index: block.index,
        kind: block.kind,
        name: block.name,
        toolUseId: block.toolUseId,
        done: !current,
        text: this.#text(block.index, block.closed, current ? head.tail : ""),
      };
    });
  }

  // Text never gets shorter while a piece is under way: what was shown stays until the piece is there.
  #text(index: number, closed: number, tail: string): string {
    let text = "";
    let whole = true;
    for (let n = 0; n < closed && whole; n++) {
      const piece = this.#pieces.get(`${this.#message}/${index}/${n}`);
      if (piece === undefined) whole = false;
      else text += piece;
    }
    if (whole) text += tail;
    const before = this.#shown.get(index) ?? "";
    if (text.length < before.length) return before;
    this.#shown.set(index, text);
    return text;
  }
}
