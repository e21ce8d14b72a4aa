// kill -9 of the server in every state of a deployment. Each ends live after
// the restart, with the lines from before it; what was live answers until then.
import { expect, test } from "@playwright/test";
import { get } from "node:http";
import { api, connect, signUpTokens, watch } from "./lib/client.ts";
import { Surgent } from "./lib/server.ts";

interface Deployment {
  _id: string;
  status: string;
  stage?: string;
  log?: string;
  error?: string;
}

let server: Surgent;
test.beforeAll(async () => {
  test.setTimeout(600_000);
  server = await Surgent.start();
});
test.afterAll(async () => {
  await server?.remove();
});

// Many small files make collecting slow, a long sum at the top makes starting
// the worker slow; each release knows its round.
const buildScript = `
import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync("dist/client/many", { recursive: true });
for (let n = 0; n < 1500; n++) writeFileSync("dist/client/many/" + n + ".txt", "file " + n);
`;
const worker = `
let sum = 0;
for (let n = 0; n < 1e8; n++) sum += n % 7;
export default { fetch: () => Response.json({ sum: sum > 0 }) };
`;

const moments: [string, (d: Deployment) => boolean][] = [
  ["queued", () => true],
  ["starting", (d) => d.status !== "queued"],
  ["building", (d) => d.status === "building" && (d.log ?? "").includes("round")],
  ["collecting", (d) => d.stage === "collecting"],
  ["uploading", (d) => d.status === "uploading" && d.stage !== "collecting"],
  ["verifying", (d) => d.stage === "verifying"],
];

const ended = (d: Deployment) => ["deployed", "build_failed", "deploy_failed"].includes(d.status);

test("queued, starting, building, collecting, uploading, verifying: each goes on to be live", async () => {
  test.setTimeout(600_000);
  const tokens = await signUpTokens(server.url, `deploycrash${Date.now()}@example.test`);
  const client = connect(server.url, tokens);
  const projectId = (await client.mutation(api.projects.createProject, { name: "Deploy crash" })) as string;
  const project = watch<{ sandbox?: { status: string; isInitialized: boolean } }>(client, api.projects.getProject, { projectId });
  await project.until("the sandbox", (p) => p?.sandbox?.status === "started" && p.sandbox.isInitialized, 300_000);
  const write = (path: string, content: string) => client.action(api.files.uploadFile, { projectId, path, content });
  await write("many.mjs", buildScript);
  await write("worker/index.ts", worker);
  const manifest = JSON.parse(((await client.action(api.files.readFile, { projectId, path: "package.json" })) as { content: string }).content);
  manifest.scripts.build = "echo round $(cat public/round.txt) && sleep 2 && vite build && node many.mjs";
  await write("package.json", JSON.stringify(manifest));

  const all = watch<Deployment[]>(client, api.deployments.listByProject, { projectId });
  const name = `crash-${Date.now() % 1e9}`;
  for (const [round, [moment, reached]] of moments.entries()) {
    await write("public/round.txt", `${round}`);
    await client.mutation(api.projects.deployProject, { projectId, deployName: name });
    const [begun] = await all.until(`deployment ${round}`, (l) => l.length === round + 1, 60_000);
    await all.until(moment, (l) => ended(l[0]) || reached(l[0]), 120_000);
    const last = all.values.at(-1)?.[0];
    expect(last && ended(last), `${moment} was not seen: ${JSON.stringify(last)}`).toBe(false);
    await server.kill9();
    await server.up();
    // What was live before is live now, if the new one is not already.
    if (round > 0) {
      const { status, body } = await ask(name, "/round.txt");
      expect(status, `${moment}: after the restart`).toBe(200);
      expect([`${round - 1}`, `${round}`]).toContain(body);
    }
    const list = await all.until(`${moment}: the end`, (l) => l[0]?._id === begun._id && ended(l[0]), 120_000);
    expect(list[0].status, `${moment}: ${list[0].error}\n${list[0].log}`).toBe("deployed");
    expect(list[0].log).toContain(`round ${round}\n`);
    if (moment !== "queued") expect(list[0].log).toContain("Picked up after a restart.\n");
    expect(list.filter((d) => !ended(d))).toEqual([]);
    expect(await ask(name, "/round.txt")).toEqual({ status: 200, body: `${round}` });
    expect(await ask(name, "/api/sum")).toEqual({ status: 200, body: '{"sum":true}' });
  }

  // Deleted, its app goes and its name is free.
  await client.mutation(api.projects.deleteProject, { projectId });
  await expect.poll(async () => (await ask(name, "/round.txt")).status).toBe(404);
  const next = (await client.mutation(api.projects.createProject, { name: "Next" })) as string;
  await expect
    .poll(async () => ((await client.query(api.deployments.checkName, { projectId: next, name })) as { ok: boolean }).ok)
    .toBe(true);
  await client.mutation(api.projects.deleteProject, { projectId: next });
  await client.close();
});

function ask(name: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((done, fail) => {
    get({ host: "127.0.0.1", port: server.port, path, headers: { host: `${name}.${server.domain}` } }, (res) => {
      let body = "";
      res.setEncoding("utf8");
      res.on("data", (piece: string) => (body += piece));
      res.on("end", () => done({ status: res.statusCode ?? 0, body }));
    }).on("error", fail);
  });
}
