// What a person sees when something is not as it should be, and the way on
// from there. The engine runs as a process of its own here, as it does for an
// ordinary user.
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { Engine } from "./lib/engine.ts";
import { call, ModelServer, say, type Rule } from "./lib/model.ts";
import { axe, build, preview, send, shot, signUp, violations, watchTexts } from "./lib/person.ts";
import { Surgent } from "./lib/server.ts";

const write = (content: string) => [
  call("Read", { file_path: "/workspace/src/App.tsx" }),
  call("Write", { file_path: "/workspace/src/App.tsx", content }),
];
const rules: Rule[] = [
  { prompt: "(?i)room booking", answers: [...write("export function App() { return <h1>Rooms</h1>; }\n"), say("Rooms it is.")] },
  { prompt: "(?i)end the dev server", answers: [call("Bash", { command: "pkill -f '[n]ode_modules/.bin/vite'; true" }), say("Ended it.")] },
  { prompt: "(?i)say hello", answers: [say("Hello to you.")] },
  { prompt: "(?i)spoil it", answers: [...write("export function App() { return <h1>Spoiled\n"), say("Spoiled.")] },
];

let engine: Engine;
let model: ModelServer;
let server: Surgent;
let context: BrowserContext;
let page: Page;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  test.setTimeout(600_000);
  engine = await Engine.start();
  model = await ModelServer.start();
  await model.script(rules);
  server = await Surgent.start({ ...model.env, ...engine.env });
  context = await browser.newContext();
  page = await context.newPage();
  await signUp(page, server.url);
});
test.afterAll(async () => {
  await context?.close();
  await server?.remove();
  await model?.stop();
  await engine?.remove();
});

const rooms = () => expect(preview(page).getByRole("heading", { name: "Rooms" })).toBeVisible({ timeout: 60_000 });

test("a project of one prompt, on an engine in another process", async () => {
  await build(page, "Room booking");
  await rooms();
  await expect(page.getByText("Checkpoint 1", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
});

test("a refused key is named, with the way out, and the prompt can be tried again", async () => {
  await model.script(rules, { key: "another-key" });
  await send(page, "Room booking, once more");
  await expect(page.getByText(/The model key was refused\. Check ANTHROPIC_API_KEY\./).first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText("Files and chat are safe.").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Copy details" }).first()).toBeVisible();
  await expect(page).toHaveTitle(/^(?!● )/);
  await shot(page, "project-failed");
  await model.script(rules);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await expect(page.getByRole("feed").getByText("Rooms it is.")).toHaveCount(2, { timeout: 60_000 });
});

test("a project that falls asleep under an open page says so, and wakes by a button or a reload", async () => {
  await engine.sleep();
  await expect(page.getByText("The project is asleep.")).toBeVisible({ timeout: 60_000 });
  await shot(page, "project-asleep");
  await expect(page.getByText("Files and chat are safe.").last()).toBeVisible();
  await axe(page, "asleep");
  const seen = await watchTexts(page);
  await page.getByRole("button", { name: "Wake it" }).click();
  await rooms();
  expect(await seen(/^Waking\d+\ss/)).toBe(true);
  await engine.sleep();
  await expect(page.getByText("The project is asleep.")).toBeVisible({ timeout: 60_000 });
  await page.reload();
  await rooms();
});

test("a dev server that ended is told with its last lines, and started again", async () => {
  await send(page, "End the dev server");
  await expect(page.getByText("The dev server stopped.").first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText(/^It ended with exit code \d+\.$/)).toBeVisible();
  await expect(page.getByLabel("Last lines")).not.toBeEmpty();
  await shot(page, "preview-stopped");
  await axe(page, "dev server stopped");
  await page.getByRole("button", { name: "Restart" }).click();
  await rooms();
});

test("a good version stays live while a failing build is told", async () => {
  test.setTimeout(240_000);
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("rooms");
  await dialog.getByRole("button", { name: "Deploy", exact: true }).click();
  await expect(dialog.getByText(/Live now/).first()).toBeVisible({ timeout: 120_000 });
  await page.keyboard.press("Escape");
  await send(page, "Spoil it");
  await expect(page.getByText("Spoiled.", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await dialog.getByRole("button", { name: "Deploy", exact: true }).click();
  await expect(dialog.getByRole("button", { name: "Try again" })).toBeVisible({ timeout: 120_000 });
  await expect(dialog.getByRole("listitem").filter({ hasText: "Build failed" })).toBeVisible();
  await expect(dialog.getByText(/stays live/)).toBeVisible();
  await expect(dialog.getByText(/App\.tsx/).first()).toBeVisible();
  await shot(page, "deploy-failed");
  await axe(page, "deployment failed");
  await dialog.getByRole("button", { name: "Send to agent" }).click();
  await expect(page.getByRole("form", { name: "Prompt" }).getByRole("textbox")).not.toHaveValue("");
  const live = await context.newPage();
  await live.goto(`http://rooms.${server.domain}/`);
  await expect(live.getByRole("heading", { name: "Rooms" })).toBeVisible();
  await live.close();
});

test("the fourth project is refused in words, and its prompt is kept", async () => {
  for (const name of ["Second", "Third"]) {
    await page.goto(server.url);
    await build(page, name);
  }
  await page.goto(server.url);
  await page.getByRole("textbox", { name: "What should it do?" }).fill("A fourth, for later");
  await expect(page.getByText("3 of 3 projects. Delete one to start another.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Build", exact: true })).toHaveCount(0);
  await shot(page, "home-quota");
  await axe(page, "home, three projects");
  await page.reload();
  await expect(page.getByRole("textbox", { name: "What should it do?" })).toHaveValue("A fourth, for later");
});

test("a project is renamed, and deleted after its name was typed; both show everywhere at once", async () => {
  const other = await context.newPage();
  await other.goto(server.url);
  await expect(other.getByText("Third", { exact: true })).toBeVisible();
  const menu = page.getByRole("button", { name: /Third/ }).last();
  await menu.click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("Kitchen plan");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Kitchen plan").first()).toBeVisible();
  await expect(other.getByText("Kitchen plan", { exact: true })).toBeVisible();
  await other.getByRole("link", { name: /Kitchen plan/ }).first().click();
  await expect(other.getByRole("heading", { level: 1 })).toContainText("Kitchen plan");
  await page.getByRole("button", { name: /Kitchen plan/ }).last().click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("Kitchen");
  await page.keyboard.press("Enter");
  await expect(dialog.getByText("This is not “Kitchen plan”.")).toBeVisible();
  await dialog.getByRole("textbox").fill("Kitchen plan");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Kitchen plan")).toHaveCount(0);
  await expect(other.getByText("There is no such project, or it isn't yours.")).toBeVisible();
  await other.close();
  await shot(page, "home-projects");
});

test("a sandbox that doesn't start says why in one line, and starts when it can", async () => {
  await engine.down();
  await page.goto(server.url);
  await page.getByRole("button", { name: /^Static page/ }).last().click();
  await page.waitForURL(/\/p\//);
  await expect(page.getByText("The sandbox didn't start.")).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText("The sandbox server doesn't answer.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Copy details" })).toBeVisible();
  await shot(page, "sandbox-failed");
  await axe(page, "sandbox failed");
  await engine.up();
  const seen = await watchTexts(page);
  await page.getByRole("button", { name: "Try again" }).click();
  // The other template: a static page, shown live.
  await expect(preview(page).getByRole("heading", { name: "A page of your own, as plain as paper." })).toBeVisible({ timeout: 90_000 });
  expect(await seen(/Create sandbox, (under way|done)/)).toBe(true);
  await shot(page, "static-page");
});

test("a prompt wakes a project that is asleep, and waits until it is there", async () => {
  await engine.sleep();
  await expect(page.getByText("The project is asleep.")).toBeVisible({ timeout: 60_000 });
  const seen = await watchTexts(page);
  await send(page, "Say hello");
  await expect(page.getByRole("feed").getByText("Hello to you.")).toBeVisible({ timeout: 60_000 });
  expect(await seen(/^Say hello\s*Starts when the sandbox is ready$/)).toBe(true);
});

test("axe found nothing on the way", () => {
  expect(violations).toEqual([]);
});

test("the strict model server refused nothing", async () => {
  expect(await model.refusals()).toEqual([]);
});
