// A session of a thousand rows: it opens at its end, older rows come when they
// are wanted, and the reader's place holds.
import { expect, test } from "@playwright/test";
import { api, connectAs, watch } from "./lib/client.ts";
import { call, ModelServer, say } from "./lib/model.ts";
import { build, promptBox, signUp } from "./lib/person.ts";
import { Surgent } from "./lib/server.ts";

const reads = 84; // two rows each
const runs = 6;

let server: Surgent;
let model: ModelServer;
test.beforeAll(async () => {
  test.setTimeout(600_000);
  model = await ModelServer.start();
  await model.script([
    {
      prompt: "read on",
      answers: [...Array.from({ length: reads }, (_, i) => call("Read", { file_path: "/workspace/package.json", offset: (i % 20) + 1, limit: 5 })), say("Read **all** of it.\n\n| a | b |\n| - | - |\n| 1 | 2 |")],
    },
  ]);
  server = await Surgent.start(model.env);
});
test.afterAll(async () => {
  await server?.remove();
  await model?.stop();
});

test("a session of a thousand rows opens at its end and is read back to its beginning", async ({ page }) => {
  test.setTimeout(300_000);
  await signUp(page, server.url);
  await build(page, "read on 1");
  const client = await connectAs(page, server.url);
  const projectId = new URL(page.url()).pathname.split("/")[2];
  const [session] = (await client.query(api.sessions.listSessionsByProject, { projectId })) as { _id: string }[];
  for (let n = 2; n <= runs; n++) {
    await client.mutation(api.sessions.createMessageAndRunAgent, { projectId, sessionId: session._id, prompt: `read on ${n}` });
  }
  const rows = watch<{ raw: unknown }[]>(client, api.sessions.listMessagesBySession, { sessionId: session._id, limit: 1000 });
  const ended = (list: { raw: unknown }[]) => list.filter((r) => (r.raw as { type?: string }).type === "result").length;
  const all = await rows.until("all runs to end", (list) => ended(list) >= runs - 1 && list.length === 1000, 200_000);
  expect(all.length).toBe(1000);
  await client.close();

  await page.reload();
  await expect(page.getByRole("article", { name: /^Result: / }).last()).toBeInViewport({ timeout: 20_000 });
  await expect(promptBox(page)).toBeVisible();
  // Upwards until the beginning; the row under the eye stays where it is while
  // older ones come in.
  const feed = page.getByRole("feed");
  await feed.hover();
  const beginning = page.getByText("Beginning of this session");
  await expect
    .poll(
      async () => {
        await page.mouse.wheel(0, -2500);
        return (await beginning.isVisible()) && (await feed.evaluate((element) => element.parentElement?.closest("[class*=overflow]")?.scrollTop ?? element.scrollTop)) <= 1;
      },
      { timeout: 60_000 },
    )
    .toBe(true);
  await expect(page.getByRole("article", { name: /^Prompt: read on/ }).first()).toBeInViewport();
  await expect(page.getByRole("article", { name: /^Prompt: read on \d$/ })).toHaveCount(runs);
});
