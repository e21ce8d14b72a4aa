// kill -9 of the server at the moments where a run could lose or repeat
// something. Effects are counted in a file in the sandbox: each line once.
import { expect, test } from "@playwright/test";
import { api, connect, signUpTokens, watch } from "./lib/client.ts";
import { call, ModelServer, say } from "./lib/model.ts";
import { Surgent, waitFor } from "./lib/server.ts";

interface Row {
  _id: string;
  runId?: string;
  raw: { type?: string; subtype?: string; message?: { content: { type: string; tool_use_id?: string; name?: string }[] } } | string;
}
interface Run {
  _id: string;
  status: string;
  activity?: { kind: string; name?: string };
}

let server: Surgent;
let model: ModelServer;
test.beforeAll(async () => {
  test.setTimeout(600_000);
  model = await ModelServer.start();
  server = await Surgent.start(model.env);
});
test.afterAll(async () => {
  await server?.remove();
  await model?.stop();
});

const effect = (line: string, seconds = 0) =>
  call("Bash", { command: `echo ${line} >> effects.log; sleep ${seconds}; echo ${line}-end >> effects.log` });

test("mid-stream, before a tool, during Bash, after it: one result, each effect once", async () => {
  test.setTimeout(300_000);
  const tokens = await signUpTokens(server.url, `crash${Date.now()}@example.test`);
  const client = connect(server.url, tokens);
  const projectId = (await client.mutation(api.projects.createProject, { name: "Crash" })) as string;
  const session = (await waitForSession(client, projectId))._id;
  const rows = watch<Row[]>(client, api.sessions.listMessagesBySession, { sessionId: session, limit: 1000 });
  const runs = watch<Run[]>(client, api.runs.listBySession, { sessionId: session });

  const results = (list: Row[]) => list.filter((r) => typeof r.raw === "object" && r.raw.type === "result");
  const finish = async (n: number) => {
    const list = await rows.until(`result ${n}`, (l) => results(l).length >= n, 180_000);
    const ids = list.map((r) => r._id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(results(list)).toHaveLength(n);
    for (const r of results(list)) expect((r.raw as { subtype: string }).subtype).toBe("success");
  };
  const effects = async () => {
    const file = (await client.action(api.files.readFile, { projectId, path: "effects.log" })) as { content: string };
    return file.content.trim().split("\n");
  };
  const crash = async () => {
    await server.kill9();
    await server.up();
  };

  // 1: while the model's answer streams.
  await model.script([{ prompt: "one", answers: [{ ...effect("one"), blocks: [{ text: "slow ".repeat(200) }, ...effect("one").blocks], delay_ms: 100 }, say("Done one.")] }]);
  await client.mutation(api.sessions.createMessageAndRunAgent, { projectId, sessionId: session, prompt: "one" });
  const [run] = await runs.until("a run", (l) => l.length > 0, 60_000);
  const head = watch<{ kind: string; tail: string } | null>(client, api.runs.streamHead, { runId: run._id });
  await head.until("text streams", (h) => h?.kind === "text" && h.tail.length > 20, 180_000);
  await crash();
  await finish(1);

  // 2: during a command, which goes on in the sandbox and is not repeated.
  await model.script([{ prompt: "two", answers: [effect("two", 5), say("Done two.")] }]);
  await client.mutation(api.sessions.createMessageAndRunAgent, { projectId, sessionId: session, prompt: "two" });
  await runs.until("Bash runs", (l) => l.some((r) => r.activity?.kind === "tool" && r.activity.name === "Bash"), 60_000);
  await waitFor("the first effect", async () => (await effects()).includes("two"));
  await crash();
  await finish(2);

  // 3: at a few points of a run with several commands, wherever they fall.
  await model.script([{ prompt: "three", answers: [effect("a", 1), effect("b", 1), effect("c", 1), say("Done three.")] }]);
  await client.mutation(api.sessions.createMessageAndRunAgent, { projectId, sessionId: session, prompt: "three" });
  for (const wait of [700, 1100, 1900]) {
    await new Promise((next) => setTimeout(next, wait));
    await crash();
  }
  await finish(3);

  const lines = await effects();
  expect([...lines].sort()).toEqual(["one", "one-end", "two", "two-end", "a", "a-end", "b", "b-end", "c", "c-end"].sort());
  expect(await model.refusals()).toEqual([]);
  await client.mutation(api.projects.deleteProject, { projectId });
  await client.close();
});

// Builders of this kind have shipped with the server's keys in the environment
// of every sandbox, for any script to read, and with file tools that a link led
// wherever it pointed.
test("nothing of the server's is in a sandbox, and a stop ends what runs there", async () => {
  test.setTimeout(240_000);
  const tokens = await signUpTokens(server.url, `keys${Date.now()}@example.test`);
  const client = connect(server.url, tokens);
  const projectId = (await client.mutation(api.projects.createProject, { name: "Keys" })) as string;
  const session = (await waitForSession(client, projectId))._id;
  const rows = watch<Row[]>(client, api.sessions.listMessagesBySession, { sessionId: session, limit: 1000 });
  await model.script([
    {
      prompt: "look",
      answers: [
        call("Bash", { command: "env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; ln -s /etc out; ln -s /proc/1/environ first; true" }),
        call("Write", { file_path: "out/planted", content: "x" }),
        call("Read", { file_path: "first" }),
        call("Bash", { command: "sleep 300" }),
      ],
    },
  ]);
  await client.mutation(api.sessions.createMessageAndRunAgent, { projectId, sessionId: session, prompt: "look" });
  const runs = watch<Run[]>(client, api.runs.listBySession, { sessionId: session });
  const texts = (list: Row[]) => list.flatMap((r) => (typeof r.raw === "object" && r.raw.type === "user" ? [r.raw.message!.content[0]!] : [])) as unknown as { content: string; is_error: boolean }[];
  const seen = texts(await rows.until("three results", (l) => texts(l).length === 3, 120_000));
  expect(seen[0]!.content).toContain("HOME=/home/daytona");
  expect(seen[0]!.content).not.toMatch(/test-key|ANTHROPIC|DAYTONA|SURGENT_(DATA|DOMAIN|ADDR)/);
  expect(seen.map((r) => r.is_error)).toEqual([false, true, true]);
  await runs.until("the last command", (l) => l[0]!.activity?.name === "Bash", 60_000);
  await client.mutation(api.sessions.stopAgent, { sessionId: session });
  await runs.until("the run to end", (l) => l[0]!.status === "cancelled", 30_000);
  const left = (await client.query(api.sessions.listMessagesBySession, { sessionId: session, limit: 1000 })) as Row[];
  expect(texts(left).at(-1)!.content).toContain("Stopped by the person before it ended.");
  await client.mutation(api.projects.deleteProject, { projectId });
  await client.close();
});

async function waitForSession(client: ReturnType<typeof connect>, projectId: string): Promise<{ _id: string }> {
  const list = (await client.query(api.sessions.listSessionsByProject, { projectId })) as { _id: string }[];
  expect(list).toHaveLength(1);
  return list[0];
}
