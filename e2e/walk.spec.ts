// The main job as a person does it, in Chromium, against real sandboxes, the
// real dev server and a strict scripted model server.
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { api, connectAs } from "./lib/client.ts";
import { ModelServer } from "./lib/model.ts";
import { axe, build, countLoads, newAccount, preview, promptBox, promptRow, results, send, shot, signUp, violations, watchTexts } from "./lib/person.ts";
import { rules } from "./lib/script.ts";
import { Surgent } from "./lib/server.ts";

let server: Surgent;
let model: ModelServer;
let context: BrowserContext;
let page: Page;
const account = newAccount();

test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  test.setTimeout(600_000); // the first start builds the base
  model = await ModelServer.start();
  await model.script(rules);
  server = await Surgent.start(model.env);
  context = await browser.newContext();
  page = await context.newPage();
});
test.afterAll(async () => {
  await context?.close();
  await server?.remove();
  await model?.stop();
});

const working = () => page.getByText(/^Working · \d+:\d\d$/);
const slow = () => page.getByText(/^A long answer/);

test("who is not signed in meets the sign-in page; a wrong password is told in words", async () => {
  await page.goto(server.url);
  await expect(page).toHaveURL(/\/sign-in/);
  await expect(page.getByLabel("Email")).toBeFocused();
  await shot(page, "signin");
  await axe(page, "sign-in");
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Email or password is wrong.", { exact: true })).toBeVisible();
  await expect(page.getByLabel("Email")).toHaveValue(account.email);
  await shot(page, "signin-error");
  await axe(page, "sign-in, refused");
});

test("a new account leads home, to the prompt box, with examples and templates", async () => {
  await signUp(page, server.url, account);
  await expect(page.getByRole("textbox", { name: "What should it do?" })).toBeFocused();
  await expect(page.getByRole("heading", { name: "Projects" })).toHaveCount(0);
  await shot(page, "home-first");
  await axe(page, "home");
});

test("Build opens the project with its prompt at once, and soon the template's app", async () => {
  await build(page, "Build a todo list");
  await expect(page.getByRole("main").getByText("Build a todo list").first()).toBeVisible();
  await shot(page, "project-preparing");
  await expect(preview(page).getByRole("heading", { name: "A blank page, ready to become something." })).toBeVisible({ timeout: 150_000 });
});

test("text streams, the plan counts, commands show their lines, and the preview follows without a reload", async () => {
  await expect(working()).toBeVisible({ timeout: 120_000 });
  await expect(page).toHaveTitle(/^● Build a todo list · Surgent$/);
  await expect(page.getByText("First the markup").first()).toBeVisible();
  await shot(page, "project-streaming");
  const loads = countLoads(page);
  const plan = page.getByRole("button", { name: /^Plan, \d of 3 done, now: / });
  await expect(plan).toHaveText(/1 of 3|2 of 3/, { timeout: 30_000 });
  await plan.click();
  await expect(page.getByRole("listitem").filter({ hasText: "Check the code" })).toBeVisible();
  await plan.click();
  await page.getByRole("button", { name: /^Running for i in/ }).click({ timeout: 60_000 });
  await expect(page.getByText("line 2").first()).toBeVisible({ timeout: 30_000 });
  await expect(preview(page).getByRole("heading", { name: "Today" })).toBeVisible({ timeout: 60_000 });
  await preview(page).getByLabel("Add a task").fill("typed while the agent works");
  await expect(page.getByText("The list is there.").first()).toBeVisible({ timeout: 60_000 });
  await expect(plan).toHaveCount(0);
  await expect(page.getByRole("button", { name: /^Rewrote src\/App\.tsx, \d+ lines? added, \d+ removed, done/ })).toBeVisible();
  await expect(preview(page).getByLabel("Add a task")).toHaveValue("typed while the agent works");
  expect(loads()).toBe(0);
});

test("a run ends in a checkpoint and a footer that tells what the result row tells", async () => {
  const card = page.getByRole("article", { name: /^Checkpoint 1, / });
  await expect(card).toHaveText(/1 file\+\d+−\d+[0-9a-f]{7}/, { timeout: 60_000 });
  await expect(working()).toHaveCount(0);
  await expect(page.getByText("Plan 3 of 3")).toBeVisible();
  const client = await connectAs(page, server.url);
  const projectId = new URL(page.url()).pathname.split("/")[2];
  const [session] = (await client.query(api.sessions.listSessionsByProject, { projectId })) as { _id: string }[];
  const rows = (await client.query(api.sessions.listMessagesBySession, { sessionId: session._id, limit: 1000 })) as { raw: Result }[];
  await client.close();
  const { raw } = rows.find((row) => row.raw.type === "result") ?? { raw: undefined };
  if (!raw) throw new Error("no result row");
  const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = raw.usage;
  const all = input_tokens + output_tokens + cache_read_input_tokens + (cache_creation_input_tokens ?? 0);
  const thousands = (n: number) => `${(n / 1000).toFixed(1).replace(/\.0$/, "")}k`;
  await expect(results(page).first()).toHaveText(
    `${Math.floor(raw.duration_ms / 1000)} s · 4 steps · ${thousands(all)} tokens (${thousands(cache_read_input_tokens)} cached) · $${raw.total_cost_usd.toFixed(3)}`,
  );
  await shot(page, "project-done");
  await axe(page, "project, done");
});

interface Result {
  type: string;
  duration_ms: number;
  total_cost_usd: number;
  usage: { input_tokens: number; output_tokens: number; cache_read_input_tokens: number; cache_creation_input_tokens?: number };
}

test("steps open to what they did, and a path in the chat opens the file at its line", async () => {
  const edited = page.getByRole("button", { name: /^Edited src\/App\.tsx, 1 line added, 1 removed, done/ });
  if ((await edited.getAttribute("aria-expanded")) === "false") await edited.click();
  await expect(page.getByRole("group", { name: "Changed lines" }).last()).toContainText("max-w-2xl");
  const ran = page.getByRole("button", { name: /^Ran for i in/ });
  if ((await ran.getAttribute("aria-expanded")) === "false") await ran.click();
  await expect(page.getByText("Found 0 warnings and 0 errors.").first()).toBeVisible();
  await shot(page, "project-steps-open");
  await page.getByRole("button", { name: "src/App.tsx:4" }).first().click();
  await expect(page.locator(".cm-activeLine")).toContainText("<h1", { timeout: 20_000 });
  await page.getByRole("tab", { name: "Preview" }).click();
});

test("what streamed stays the same element when the run ends, and finished blocks are left alone", async () => {
  await page.evaluate(() => {
    const store = window as unknown as { removed: string[] };
    store.removed = [];
    const feed = document.querySelector("[role=feed]");
    if (!feed) throw new Error("no feed");
    new MutationObserver((records) => {
      for (const record of records)
        for (const node of record.removedNodes)
          if (node instanceof HTMLElement && /The list is there\.|Changed the heading\.|Edited/.test(node.textContent ?? "")) store.removed.push(node.outerHTML);
    }).observe(feed, { childList: true, subtree: true });
  });
  await send(page, "Give it a second heading");
  await expect(promptRow(page, "Give it a second heading")).toBeInViewport();
  await expect(page.getByRole("feed").getByText(/^Thinking/).first()).toBeVisible();
  await shot(page, "project-thinking");
  await expect(preview(page).getByRole("heading", { name: "Tomorrow" })).toBeVisible({ timeout: 60_000 });
  await expect(preview(page).getByLabel("Add a task")).toHaveValue("typed while the agent works");
  await expect(page.getByRole("article", { name: /^Checkpoint 2, / })).toBeVisible({ timeout: 60_000 });
  expect(await page.evaluate(() => (window as unknown as { removed: string[] }).removed)).toEqual([]);
});

test("reading back in mid-stream: nothing moves, a selection stays, and a button leads to the end", async () => {
  await send(page, "Write slowly, for a reader");
  await expect(page.getByText(/(A long answer that takes its time\. ){12}/).first()).toBeVisible({ timeout: 60_000 });
  const feed = page.getByRole("feed");
  await feed.hover();
  await page.mouse.wheel(0, -600);
  const first = promptRow(page, "Build a todo list");
  await expect(first).toBeInViewport();
  await page.evaluate(() => {
    const paragraph = [...document.querySelectorAll("[role=feed] p")].find((p) => p.textContent?.startsWith("I start with the list."));
    if (paragraph) getSelection()?.selectAllChildren(paragraph);
  });
  const before = await first.boundingBox();
  const selected = await page.evaluate(() => getSelection()?.toString());
  expect(selected).toContain("I start with the list.");
  const length = () => slow().last().innerText().then((text) => text.length);
  const toEnd = page.getByRole("button", { name: /to the end$/ });
  await expect(toEnd).toBeVisible();
  const written = await length();
  await expect.poll(length).toBeGreaterThan(written + 100); // text keeps coming below
  expect((await first.boundingBox())?.y).toBe(before?.y);
  expect(await page.evaluate(() => getSelection()?.toString())).toBe(selected);
  await toEnd.click();
  await expect(promptRow(page, "Write slowly, for a reader")).toBeInViewport();
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("article", { name: /Stopped by you/ })).toHaveCount(1);
});

test("a run stops by the button and by Esc Esc, what it wrote stays, and the next prompt works", async () => {
  await send(page, "Write slowly please");
  await expect(slow().nth(1)).toBeVisible({ timeout: 60_000 });
  const seen = await watchTexts(page);
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("article", { name: /Stopped by you/ })).toHaveCount(2);
  expect(await seen(/^Stopping$/)).toBe(true);
  await expect(page.getByRole("feed").getByText("cut off here")).toHaveCount(2);
  await shot(page, "project-stopped");
  await send(page, "Write slowly again");
  await expect(working()).toBeVisible();
  await promptBox(page).focus();
  await page.keyboard.press("Escape");
  await expect(page.getByText("Esc again stops the run").first()).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("article", { name: /Stopped by you/ })).toHaveCount(3);
});

test("prompts wait in their order; a reload and a second tab show the same, and the draft is there", async () => {
  await send(page, "Write slowly while others wait");
  await expect(working()).toBeVisible();
  await send(page, "What does the app do?");
  await send(page, "What does the heading say?");
  const waiting = page.getByRole("list", { name: "Prompts that wait" }).getByRole("listitem");
  await expect(waiting).toHaveText([/^What does the app do\?\s*Next$/, /^What does the heading say\?\s*After 1 other$/]);
  await shot(page, "project-queue");
  await promptBox(page).fill("a draft that stays");
  await page.reload();
  await expect(slow().last()).toBeVisible();
  await expect(promptRow(page, "Write slowly while others wait")).toHaveCount(1);
  await expect(waiting).toHaveCount(2);
  await expect(promptBox(page)).toHaveValue("a draft that stays");
  const second = await context.newPage();
  await second.goto(page.url());
  const there = second.getByText(/^A long answer/).last();
  await expect(there).toBeVisible();
  const written = await there.innerText();
  await expect.poll(async () => (await there.innerText()).length).toBeGreaterThan(written.length);
  expect((await slow().last().innerText()).startsWith(written)).toBe(true);
  await second.close();
  await promptBox(page).fill("");
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("feed").getByText("It shows a heading and one field.")).toHaveCount(2, { timeout: 60_000 });
  const prompts = await page.getByRole("article", { name: /^Prompt: What does/ }).evaluateAll((rows) => rows.map((row) => row.getAttribute("aria-label")));
  expect(prompts).toEqual(["Prompt: What does the app do?", "Prompt: What does the heading say?"]);
});

test("the server is killed in mid-run: a strip says so, the run goes on, and ends once", async () => {
  await send(page, "Write through a restart");
  await expect(working()).toBeVisible();
  await server.kill9();
  await expect(page.getByText("Connection lost. Trying again…")).toBeVisible({ timeout: 15_000 });
  await expect(page.getByRole("button", { name: "Try now" })).toBeVisible();
  await expect(promptRow(page, "Write through a restart")).toBeInViewport();
  await shot(page, "offline-strip");
  await server.up();
  await expect(page.getByText("Back online", { exact: true })).toBeVisible({ timeout: 40_000 });
  await expect(page.getByText("Picked up after a restart")).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/End\.$/).first()).toBeVisible({ timeout: 120_000 });
  await expect(working()).toHaveCount(0, { timeout: 30_000 });
  await expect(promptRow(page, "Write through a restart")).toHaveCount(1);
  const run = page.locator(".turn", { has: promptRow(page, "Write through a restart") });
  await expect(run.getByRole("article", { name: /^Result: / })).toHaveCount(1);
});

test("a prompt that is sent offline arrives once", async () => {
  await context.setOffline(true);
  await server.kill9();
  await send(page, "What does it do after all?");
  await expect(page.getByText("Sending").first()).toBeVisible();
  await server.up();
  await context.setOffline(false);
  await expect(page.getByRole("feed").getByText("It shows a heading and one field.")).toHaveCount(3, { timeout: 90_000 });
  await expect(promptRow(page, "What does it do after all?")).toHaveCount(1);
});

test("in Ask mode a question is answered and nothing is changed", async () => {
  await page.getByRole("radio", { name: "Ask" }).check();
  await expect(promptBox(page)).toHaveAttribute("placeholder", "Ask about the code. Nothing is changed.");
  await send(page, "What does this ask?");
  await expect(page.getByRole("feed").getByText("It shows a heading and one field.")).toHaveCount(4, { timeout: 60_000 });
  await expect(results(page).last()).toContainText("No files changed");
  await expect(page.getByRole("article", { name: /^Checkpoint 3, / })).toHaveCount(0);
  await page.getByRole("radio", { name: "Code" }).check();
});

test("a busy model is waited for, with the count of attempts", async () => {
  await send(page, "Are you busy?");
  const note = page.getByRole("article", { name: "The run waits for the model" });
  await expect(note).toContainText(/The model is busy\. Trying again in\s\d+\ss/, { timeout: 30_000 });
  await expect(note).toContainText(/Attempt [23] of 6\. Waiting costs nothing\./);
  await shot(page, "project-retry");
  await expect(page.getByText("After all, done.").first()).toBeVisible({ timeout: 60_000 });
  await expect(note).toHaveCount(0);
});

test("a command that fails is red and stands open", async () => {
  await send(page, "Run a failing command");
  await expect(page.getByRole("button", { name: /^Ran echo before; exit 1, exit code 1, failed/ })).toHaveAttribute("aria-expanded", "true", { timeout: 60_000 });
  await expect(page.getByText("before", { exact: true })).toBeVisible();
  await expect(page.getByText("The command failed.").first()).toBeVisible();
});

test("a broken build is named in the preview's bar, and goes to the prompt box without being sent", async () => {
  await send(page, "Break the build");
  await expect(page.getByText("Broken on purpose.").first()).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: "1 error" }).click({ timeout: 30_000 });
  await expect(page.getByRole("dialog").getByText(/App\.tsx/).first()).toBeVisible();
  await shot(page, "preview-error");
  await page.getByRole("button", { name: "Send to agent" }).click();
  await expect(promptBox(page)).toHaveValue(/^The dev server reports an error:[\s\S]*App\.tsx/);
  await expect(working()).toHaveCount(0);
  await send(page, "Mend the build");
  await expect(preview(page).getByRole("heading", { name: "Mended" })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("button", { name: "1 error" })).toHaveCount(0);
});

test("markup in an answer stays text, and nothing is fetched for it", async () => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await send(page, "Say some hostile text");
  await expect(page.getByText("and text.").first()).toBeVisible({ timeout: 60_000 });
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  expect(asked.filter((url) => url.includes("tracker.example.test"))).toEqual([]);
});

test("files open in tabs, are found by name, say when they can't be shown, and follow the agent", async () => {
  await send(page, "Make large files");
  await expect(page.getByRole("feed").getByText("Made two large files.")).toBeVisible({ timeout: 60_000 });
  await page.getByRole("tab", { name: "Files" }).click();
  const tree = page.getByRole("tree");
  await tree.getByText("package.json").click();
  await expect(page.locator(".cm-content")).toContainText("vite", { timeout: 20_000 });
  await shot(page, "files");
  await axe(page, "files");
  await tree.getByText("bytes.bin").click();
  await expect(page.getByText("Binary file, 2.1 MB.")).toBeVisible();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  expect(saved.suggestedFilename()).toBe("bytes.bin");
  await tree.getByText("letters.txt").click();
  await expect(page.getByText("Too big to show (12 MB).")).toBeVisible();
  const filter = page.getByRole("textbox", { name: "Filter files by name" });
  await filter.fill("app");
  await expect(tree).toHaveCount(0);
  await page.getByRole("list", { name: "Files found" }).getByRole("button", { name: /^App\.tsx/ }).click();
  await filter.fill("");
  await expect(page.locator(".cm-content")).toContainText("Mended");
  await send(page, "Rename the heading");
  await expect(page.locator(".cm-content")).toContainText("Renamed", { timeout: 60_000 });
  await page.getByRole("tab", { name: "Preview" }).click();
  await expect(preview(page).getByRole("heading", { name: "Renamed" })).toBeVisible();
});

test("a deployment refuses bad and reserved names in words, goes on when its dialog is closed, and is live", async () => {
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  const dialog = page.getByRole("dialog");
  const name = dialog.getByRole("textbox");
  await name.fill("api");
  await expect(dialog.getByText("Reserved.", { exact: true })).toBeVisible();
  await name.fill("x");
  await expect(dialog.getByText("Letters, digits and hyphens, 3 to 40.", { exact: true })).toBeVisible();
  await name.fill("my-todo");
  await shot(page, "deploy-form");
  await axe(page, "deploy form");
  const seen = await watchTexts(page);
  await dialog.getByRole("button", { name: "Deploy", exact: true }).click();
  await expect(dialog.getByText(/^(Building|Built)/)).toBeVisible();
  await shot(page, "deploy-running");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  expect(await seen(/^Deploying…$/)).toBe(true);
  await page.getByRole("button", { name: /^Deploy/ }).click();
  await expect(dialog.getByText("Live now:")).toBeVisible({ timeout: 120_000 });
  await shot(page, "deploy-live");
  await axe(page, "deployed");
  const [deployed] = await Promise.all([context.waitForEvent("page"), dialog.getByRole("link", { name: /my-todo/ }).click()]);
  expect(new URL(deployed.url()).origin).toBe(`http://my-todo.${server.domain}`);
  await expect(deployed.getByRole("heading", { name: "Renamed" })).toBeVisible();
  await deployed.close();
  await page.keyboard.press("Escape");
});

test("the preview goes to a path, takes two widths, and opens in a new tab at the same path", async () => {
  const address = page.getByRole("textbox", { name: "Path in the app" });
  await address.fill("/about");
  await address.press("Enter");
  await expect(address).toHaveValue("/about");
  await expect(page).toHaveURL(/path=\/about/);
  await expect(preview(page).getByRole("heading", { name: "Renamed" })).toBeVisible();
  const frame = page.locator("iframe[title^='Preview of']");
  for (const width of [768, 390]) {
    await page.getByRole("button", { name: `${width} px wide` }).click();
    await expect.poll(() => frame.evaluate((element) => element.clientWidth)).toBe(width);
  }
  await expect(page.getByText(/^390 × \d+$/)).toBeVisible();
  await shot(page, "preview-390");
  await page.getByRole("button", { name: "Full width" }).click();
  const [tab] = await Promise.all([context.waitForEvent("page"), page.getByRole("button", { name: "Open in a new tab" }).click()]);
  await expect(tab.getByRole("heading", { name: "Renamed" })).toBeVisible();
  expect(new URL(tab.url()).pathname).toBe("/about");
  await tab.close();
});

test("a stranger's browser gets no preview", async ({ browser }) => {
  const frame = await page.locator("iframe[title^='Preview of']").getAttribute("src");
  const stranger = await browser.newContext();
  const other = await stranger.newPage();
  const answer = await other.goto(`${new URL(frame ?? "").origin}/`);
  expect(answer?.status()).toBe(403);
  await expect(other.getByRole("heading", { name: "This preview is private." })).toBeVisible();
  await stranger.close();
});

test("a stranger finds the same page at a foreign and a nonsense address, and a taken name is taken", async ({ browser }) => {
  const stranger = await browser.newContext();
  const other = await stranger.newPage();
  await signUp(other, server.url);
  const pages: string[] = [];
  for (const path of [new URL(page.url()).pathname, "/p/nonsense"]) {
    await other.goto(server.url + path);
    await expect(other.getByText("There is no such project, or it isn't yours.")).toBeVisible();
    pages.push(await other.getByRole("main").innerText());
  }
  expect(pages[0]).toBe(pages[1]);
  await shot(other, "not-found");
  await axe(other, "not found");
  await other.getByRole("link", { name: "Go to projects" }).click();
  await other.getByRole("button", { name: /^Static page/ }).last().click();
  await other.waitForURL(/\/p\//);
  await other.getByRole("button", { name: "Deploy", exact: true }).click();
  await other.getByRole("dialog").getByRole("textbox").fill("my-todo");
  await expect(other.getByRole("dialog").getByText("Taken.", { exact: true })).toBeVisible();
  await stranger.close();
});

test("at 400 % the page stays usable", async () => {
  await page.setViewportSize({ width: 360, height: 225 }); // 1440 × 900 at 400 %
  await page.getByRole("navigation").getByText("Chat").click();
  await promptBox(page).scrollIntoViewIfNeeded();
  await expect(promptBox(page)).toBeInViewport();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await shot(page, "zoom-400");
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("who wants less motion sees none", async () => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await send(page, "Write slowly without motion");
  await expect(working()).toBeVisible();
  expect(await page.evaluate(() => document.getAnimations().filter((a) => a.playState === "running").length)).toBe(0);
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(working()).toHaveCount(0);
  await page.emulateMedia({ reducedMotion: "no-preference" });
});

test("axe found nothing on the way", () => {
  expect(violations).toEqual([]);
});

test("the strict model server refused nothing", async () => {
  expect(await model.refusals()).toEqual([]);
});
