// A project whose session grows as long as the figures want it: pages of
// Markdown, files that are written and edited, outputs long and short.
import type { ConvexClient } from "convex/browser";
import { waitFor } from "../lib/server.ts";
import { api, connectAs } from "../lib/client.ts";
import { type Answer, call, type Rule, say } from "../lib/model.ts";
import { build, signUp } from "../lib/person.ts";
import type { Page } from "@playwright/test";

const pages = 60; // more than the longest session needs

export const prose = (n: number): string => `## Part ${n}

The list keeps **what was decided** and *why*; \`src/list.ts\` holds the order, and [the notes](https://example.test/${n}) tell the rest.

- each entry has one owner
- an entry that is done stays for a day
  1. then it moves to the archive
  2. and is found there by its words

| entry | owner | state |
| --- | --- | --- |
| part ${n} | Ada | open |
| part ${n + 1} | Grace | done |

\`\`\`ts
export const order = (a: Entry, b: Entry) => a.rank - b.rank || a.made - b.made; // part ${n}
\`\`\`
`;

// Sixteen steps and an answer.
function notes(n: number): Answer[] {
  const path = `/workspace/notes/page-${n}.md`;
  const lines = Array.from({ length: 40 }, (_, i) => `Line ${i + 1} of page ${n}: the order stands as it was.`);
  return [
    call("Write", { file_path: path, content: lines.join("\n") }, prose(n)),
    ...[3, 9, 17, 24, 31].map((i) =>
      call("Edit", { file_path: path, old_string: lines[i], new_string: `Line ${i + 1} of page ${n}, changed:\nthe order is new,\nand said in three lines.` }, i % 2 ? undefined : prose(n + i)),
    ),
    ...[1, 11, 21, 31].map((offset) => call("Read", { file_path: path, offset, limit: 10 })),
    call("Bash", { command: `seq 1 150 | sed 's/^/page ${n} line /'` }),
    ...[1, 2, 3, 4, 5].map((i) => call("Bash", { command: `wc -l notes/page-${n}.md; echo check ${i}` })),
    say(prose(n)),
  ];
}

// The steps of the run whose rows are weighed on the wire.
export const appended = 10;

// A text of about the size, streamed 20 times a second at 300 bytes a second.
const stream = { chunk_bytes: 15, delay_ms: 50 };
export function essay(seconds: number): string {
  const size = seconds * (1000 / stream.delay_ms) * stream.chunk_bytes;
  let text = "";
  for (let n = 1; text.length < size; n++) text += `${prose(n)}\n`;
  return text.slice(0, size);
}

export const rules = (seconds: number): Rule[] => [
  { prompt: "begin the notes", answers: [...[1, 2, 3].map((i) => call("Bash", { command: `echo begun ${i}` })), say("The notes are **begun**.")] },
  { prompt: "append rows", answers: [...Array.from({ length: appended }, (_, i) => call("Bash", { command: `echo row ${i}` })), say("Appended.")] },
  { prompt: "write the essay", answers: [say(essay(seconds), stream)] },
  ...Array.from({ length: pages }, (_, n) => ({ prompt: `write page ${n} of`, answers: notes(n) })),
];

export class Session {
  private written = 0;

  private constructor(
    readonly url: string,
    readonly path: string,
    private readonly client: ConvexClient,
    private readonly ids: { projectId: string; sessionId: string },
  ) {}

  // Signs up on the page and has the project built; its session has a few rows.
  static async begin(page: Page, base: string): Promise<Session> {
    await signUp(page, base);
    await build(page, "begin the notes");
    const client = await connectAs(page, base);
    const path = new URL(page.url()).pathname;
    const projectId = path.split("/")[2];
    const [first] = (await client.query(api.sessions.listSessionsByProject, { projectId })) as { _id: string }[];
    const session = new Session(base, path, client, { projectId, sessionId: first._id });
    await session.ended();
    return session;
  }

  async rows(): Promise<number> {
    let count = 0;
    for (let cursor: string | null = null; ; ) {
      const answer = (await this.client.query(api.sessions.listMessagesPage, {
        sessionId: this.ids.sessionId,
        paginationOpts: { numItems: 100, cursor },
      })) as { page: unknown[]; isDone: boolean; continueCursor: string };
      count += answer.page.length;
      if (answer.isDone) return count;
      cursor = answer.continueCursor;
    }
  }

  async send(prompt: string): Promise<void> {
    await this.client.mutation(api.sessions.createMessageAndRunAgent, { ...this.ids, prompt });
  }

  // Writes pages until the session has so many rows.
  async grow(rows: number): Promise<void> {
    for (;;) {
      const now = await this.rows();
      if (now >= rows) return;
      const perPage = 35; // about
      for (let n = Math.ceil((rows - now) / perPage); n > 0; n--) {
        if (this.written === pages) throw new Error(`${pages} pages gave ${now} rows of ${rows}: a run failed, see the session`);
        await this.send(`write page ${this.written++} of the notes`);
      }
      await this.ended();
    }
  }

  // Waits until nothing runs or waits to.
  async ended(): Promise<void> {
    await waitFor(
      "the runs to end",
      async () => {
        const runs = (await this.client.query(api.runs.listBySession, { sessionId: this.ids.sessionId })) as { status: string }[];
        return runs.length > 0 && runs.every((run) => !["queued", "running", "waiting"].includes(run.status));
      },
      15 * 60_000,
    );
  }

  close(): Promise<void> {
    return this.client.close();
  }
}
