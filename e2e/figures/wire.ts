// What arrives over the workspace's socket, by the query that it answers.
import { once } from "node:events";
import { constants, createDeflateRaw } from "node:zlib";
import type { CDPSession } from "@playwright/test";

export interface Frame {
  at: number; // ms
  bytes: number; // of the message, without the frame's own 2 to 10
  text: string;
  queries: { name: string; bytes: number; value: unknown }[];
}

interface Modification {
  type: string;
  queryId: number;
  udfPath?: string;
  value?: unknown;
}
interface Message {
  type: string;
  modifications?: Modification[];
}

export class Wire {
  frames: Frame[] = [];
  private names = new Map<string, string>(); // socket and query id → function

  // Listens on every socket that the page opens from now on to the server.
  static async attach(cdp: CDPSession): Promise<Wire> {
    const wire = new Wire();
    const ours = new Set<string>();
    cdp.on("Network.webSocketCreated", ({ requestId, url }) => {
      if (/\/api\/.*sync$/.test(new URL(url).pathname)) ours.add(requestId);
    });
    cdp.on("Network.webSocketFrameSent", ({ requestId, response }) => {
      if (ours.has(requestId) && response.opcode === 1) wire.sent(requestId, JSON.parse(response.payloadData) as Message);
    });
    cdp.on("Network.webSocketFrameReceived", ({ requestId, timestamp, response }) => {
      if (ours.has(requestId) && response.opcode === 1) wire.received(requestId, timestamp * 1000, response.payloadData);
    });
    await cdp.send("Network.enable");
    return wire;
  }

  private sent(socket: string, message: Message): void {
    if (message.type !== "ModifyQuerySet") return;
    for (const m of message.modifications ?? []) {
      if (m.type === "Add") this.names.set(`${socket}/${m.queryId}`, m.udfPath ?? "");
    }
  }

  private received(socket: string, at: number, text: string): void {
    const message = JSON.parse(text) as Message;
    const queries = (message.modifications ?? []).map((m) => ({
      name: this.names.get(`${socket}/${m.queryId}`) ?? "unknown",
      bytes: Buffer.byteLength(JSON.stringify(m)),
      value: m.value,
    }));
    this.frames.push({ at, bytes: Buffer.byteLength(text), text, queries });
  }

  take(): Frame[] {
    const taken = this.frames;
    this.frames = [];
    return taken;
  }
}

export const bytes = (frames: Frame[]): number => frames.reduce((sum, frame) => sum + frame.bytes, 0);

// The bytes of each query's answers, largest first.
export function byQuery(frames: Frame[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const frame of frames) {
    for (const query of frame.queries) sums.set(query.name, (sums.get(query.name) ?? 0) + query.bytes);
  }
  return [...sums].toSorted((a, b) => b[1] - a[1]);
}

// What the same messages would take with permessage-deflate that keeps its
// window: one stream, flushed after each message, without the four bytes that
// end every flush.
export async function deflated(frames: Frame[]): Promise<number> {
  const stream = createDeflateRaw();
  let size = 0;
  stream.on("data", (chunk: Buffer) => (size += chunk.length));
  const ended = once(stream, "end");
  for (const frame of frames) {
    stream.write(frame.text);
    await new Promise<void>((done) => stream.flush(constants.Z_SYNC_FLUSH, done));
  }
  stream.end();
  await ended;
  return size - 4 * frames.length;
}
