// What a person sees when something is not as it should be, and the way on
// from there. The engine runs as a process of its own here, as it does for an
// ordinary user.
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { Engine } from "./lib/engine.ts";
import { call, ModelServer, say, type Rule } from "./lib/model.ts";
import { build, preview, send, shot, signUp } from "./lib/person.ts";
import { Surgent } from "./lib/server.ts";

const write = (content: string) => [
  call("Read", { file_path: "/workspace/src/App.tsx" }),
  call("Write", { file_path: "/workspace/src/App.tsx", content }),
];
const rules: Rule[] = [
  { prompt: "(?i)room booking", answers: [...write("export function App() { return <h1>Rooms</h1>; }\n"), say("Rooms it is.")] },
  { prompt: "(?i)end the dev server", answers: [call("Bash", { command: "pkill -f '[n]ode_modules/.bin/vite'; true" }), say("Ended it.")] },
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

test("23: a refused key is named, with the way out, and the prompt can be tried again", async () => {
  await model.script(rules, { key: "another-key" });
  await send(page, "Room booking, once more");
  await expect(page.getByText(/The model key was refused\. Check ANTHROPIC_API_KEY\./).first()).toBeVisible({ timeout: 30_000 });
  await expect(page).toHaveTitle(/^(?!● )/);
  await shot(page, "project-failed");
  await model.script(rules);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await expect(page.getByText("Rooms it is.")).toHaveCount(2, { timeout: 60_000 });
});

test("27: asleep under an open page, and waking by a reload", async () => {
  await engine.sleep();
  await expect(page.getByText("The project is asleep.")).toBeVisible({ timeout: 60_000 });
  await shot(page, "project-asleep");
  await page.getByRole("button", { name: "Wake it" }).click();
  await rooms();
  await engine.sleep();
  await expect(page.getByText("The project is asleep.")).toBeVisible({ timeout: 60_000 });
  await page.reload();
  await rooms();
});

test("29: a dev server that ended is told, and started again", async () => {
  await send(page, "End the dev server");
  await expect(page.getByText("The dev server stopped.").first()).toBeVisible({ timeout: 60_000 });
  await shot(page, "preview-stopped");
  await page.getByRole("button", { name: "Restart" }).click();
  await rooms();
});

test("34, 35: a good version stays live while a failing build is told", async () => {
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
  await shot(page, "deploy-failed");
  await dialog.getByRole("button", { name: "Send to agent" }).click();
  await expect(page.getByRole("form", { name: "Prompt" }).getByRole("textbox")).not.toHaveValue("");
  const live = await context.newPage();
  await live.goto(`http://rooms.${server.domain}/`);
  await expect(live.getByRole("heading", { name: "Rooms" })).toBeVisible();
  await live.close();
});

test("36: the limit of three keeps the prompt and says what to do", async () => {
  for (const name of ["Second", "Third"]) {
    await page.goto(server.url);
    await build(page, name);
  }
  await page.goto(server.url);
  await expect(page.getByText("3 of 3 projects. Delete one to start another.").first()).toBeVisible();
  await shot(page, "home-quota");
});

test("37: rename and delete, the name typed first", async () => {
  const menu = page.getByRole("button", { name: /Third/ }).last();
  await menu.click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("Kitchen plan");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Kitchen plan").first()).toBeVisible();
  await page.getByRole("button", { name: /Kitchen plan/ }).last().click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("Kitchen plan");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Kitchen plan")).toHaveCount(0);
  await shot(page, "home-projects");
});

test("the other template: a static page, shown live", async () => {
  await page.getByRole("button", { name: /Static page/ }).last().click();
  await page.waitForURL(/\/p\//);
  await expect(preview(page).getByRole("heading").first()).toBeVisible({ timeout: 90_000 });
  await shot(page, "static-page");
});
