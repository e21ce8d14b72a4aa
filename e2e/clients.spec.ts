// The official convex client against the real binary: sign-up, live updates
// between two clients, a restart under an open socket, and what a stranger
// gets.
import { expect, test } from "@playwright/test";
import { api, connect, signUpTokens, watch } from "./lib/client.ts";
import { Surgent } from "./lib/server.ts";

interface Project {
  _id: string;
  name: string;
}

let server: Surgent;
test.beforeAll(async () => {
  test.setTimeout(600_000);
  server = await Surgent.start();
});
test.afterAll(() => server?.remove());

test("two clients of one person see each other's changes, over a kill -9", async () => {
  const tokens = await signUpTokens(server.url, "two@example.test");
  const a = connect(server.url, tokens);
  const b = connect(server.url, tokens);
  const seen = watch<Project[]>(b, api.projects.listProjects, {});
  await seen.until("an empty list", (list) => list.length === 0);
  const id = (await a.mutation(api.projects.createProject, { name: "Shared" })) as string;
  await seen.until("the new project", (list) => list.some((p) => p._id === id));
  await server.kill9();
  await server.up();
  await a.mutation(api.projects.renameProject, { projectId: id, name: "Renamed" });
  await seen.until("the new name", (list) => list.some((p) => p.name === "Renamed"));
  await a.mutation(api.projects.deleteProject, { projectId: id });
  await seen.until("an empty list again", (list) => list.length === 0);
  await Promise.all([a.close(), b.close()]);
});

test("a stranger learns nothing and may do nothing", async () => {
  const owner = connect(server.url, await signUpTokens(server.url, "owner@example.test"));
  const stranger = connect(server.url, await signUpTokens(server.url, "stranger@example.test"));
  const nobody = connect(server.url);
  const id = (await owner.mutation(api.projects.createProject, { name: "Mine" })) as string;
  for (const client of [stranger, nobody]) {
    expect(await client.query(api.projects.getProject, { projectId: id })).toBeNull();
    expect(await client.query(api.sessions.listSessionsByProject, { projectId: id })).toEqual([]);
    expect(await client.query(api.commits.listByProject, { projectId: id })).toEqual([]);
    await expect(client.mutation(api.projects.deleteProject, { projectId: id })).rejects.toThrow(/Forbidden|Unauthenticated/);
    await expect(client.action(api.files.readFile, { projectId: id, path: "package.json" })).rejects.toThrow(/Forbidden|Unauthenticated/);
    await expect(client.action(api.projects.previewLink, { projectId: id })).rejects.toThrow(/Forbidden|Unauthenticated/);
  }
  await owner.mutation(api.projects.deleteProject, { projectId: id });
  await Promise.all([owner.close(), stranger.close(), nobody.close()]);
});

test("the limit of three holds under a hundred parallel creates", async () => {
  const tokens = await signUpTokens(server.url, "many@example.test");
  const clients = [connect(server.url, tokens), connect(server.url, tokens)];
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) => clients[i % 2].mutation(api.projects.createProject, { name: `p${i}` }) as Promise<string>),
  );
  const made = results.filter((r) => r.status === "fulfilled");
  expect(made).toHaveLength(3);
  for (const r of results) if (r.status === "rejected") expect(String(r.reason)).toContain("Project limit reached: maximum 3 projects per user");
  for (const r of made) await clients[0].mutation(api.projects.deleteProject, { projectId: (r as PromiseFulfilledResult<string>).value });
  await Promise.all(clients.map((c) => c.close()));
});
