// The main job by keyboard alone, and what a screen reader finds there. No
// test in this file moves a mouse, clicks, or sets a value from outside.
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { expectFocusRing, rowTo, tabTo } from "./lib/keys.ts";
import { ModelServer } from "./lib/model.ts";
import { newAccount, preview, promptBox, promptRow } from "./lib/person.ts";
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

const press = (...keys: string[]) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
const type = (text: string) => page.keyboard.type(text);
const working = () => page.getByText(/^Working · \d+:\d\d$/);

test("an account is made", async () => {
  await page.goto(server.url);
  await expect(page.getByLabel("Email")).toBeFocused();
  await type(account.email);
  await tabTo(page, page.getByLabel("Password", { exact: true }));
  await type("not the password");
  await press("Enter");
  await expect(page.getByText("Email or password is wrong.")).toBeVisible();
  await tabTo(page, page.getByRole("button", { name: "Create an account" }).or(page.getByRole("link", { name: "Create an account" })));
  await expectFocusRing(page);
  await press("Enter");
  await expect(page.getByRole("heading", { name: "Create an account" })).toBeVisible();
  await tabTo(page, page.getByLabel("Email"), "Shift+Tab");
  await press("Control+A");
  await type(account.email);
  await tabTo(page, page.getByLabel("Password", { exact: true }));
  await press("Control+A");
  await type(account.password);
  await press("Enter");
  await expect(page.getByRole("textbox", { name: "What should it do?" })).toBeFocused();
});

test("a prompt is built, and its app shows", async () => {
  await type("Build a todo list");
  await press("Enter");
  await page.waitForURL(/\/p\//);
  await expect(preview(page).getByRole("heading").first()).toBeVisible({ timeout: 150_000 });
  await expect(working()).toBeVisible({ timeout: 60_000 });
});

test("while the run works its plan opens, its command's lines are read, and the preview follows", async () => {
  const plan = page.getByRole("button", { name: /^Plan, \d of 3 done, now: / });
  await expect(plan).toBeVisible({ timeout: 30_000 });
  await tabTo(page, promptBox(page));
  await tabTo(page, plan, "Shift+Tab");
  await press("Enter");
  await expect(plan).toHaveAttribute("aria-expanded", "true");
  await expect(page.getByRole("listitem").filter({ hasText: "Check the code" })).toBeVisible();
  await press("Enter");
  const running = page.getByRole("button", { name: /^(Running|Ran) for i in/ });
  await expect(running).toBeVisible({ timeout: 60_000 });
  await tabTo(page, page.locator("[data-row]:focus"), "Shift+Tab");
  await press("End");
  await rowTo(page, running);
  await expectFocusRing(page);
  if ((await running.getAttribute("aria-expanded")) === "false") await press("Enter");
  await expect(page.getByText("line 2").first()).toBeVisible({ timeout: 30_000 });
  await expect(preview(page).getByRole("heading", { name: "Today" })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText("The list is there.").first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("article", { name: /^Checkpoint 1, / })).toBeVisible({ timeout: 60_000 });
});

test("rows are walked and opened; a path of the chat opens its file; single letters lead between the parts", async () => {
  await press("Home");
  await expect(promptRow(page, "Build a todo list")).toBeFocused();
  await press("End");
  await expect(page.getByRole("article", { name: /^Result: / })).toBeFocused();
  const edited = page.getByRole("button", { name: /^Edited src\/App\.tsx, 1 line added, 1 removed, done/ });
  await rowTo(page, edited);
  const before = await edited.getAttribute("aria-expanded");
  await press("Enter");
  await expect(edited).toHaveAttribute("aria-expanded", before === "true" ? "false" : "true");
  await press("End");
  await rowTo(page, page.getByRole("article", { name: /^Agent: The list is there/ }));
  await press("Tab");
  await expect(page.getByRole("button", { name: "src/App.tsx:4" })).toBeFocused();
  await press("Enter");
  await expect(page.locator(".cm-activeLine")).toContainText("<h1", { timeout: 20_000 });
  // No trap in the editor: Esc, then Tab leaves it.
  await tabTo(page, page.locator(".cm-content"));
  await press("Escape", "Tab");
  await expect(page.locator(".cm-content")).not.toBeFocused();
  await press("g", "p");
  await expect(page.getByRole("tab", { name: "Preview" })).toHaveAttribute("aria-selected", "true");
  await press("g", "f");
  await expect(page.getByRole("tab", { name: "Files" })).toHaveAttribute("aria-selected", "true");
  await press("g", "p", "?");
  await expect(page.getByRole("dialog")).toContainText("Esc");
  await press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("the chat is made wider and set back at its divider", async () => {
  const divider = page.getByRole("separator", { name: "Width of the chat" });
  await tabTo(page, divider);
  const width = async () => Number(await divider.getAttribute("aria-valuenow"));
  const before = await width();
  await press("ArrowRight", "ArrowRight");
  expect(await width()).toBe(before + 32);
  await press("ArrowLeft", "ArrowLeft");
  expect(await width()).toBe(before);
});

test("prompts wait in order, and Esc Esc stops a run", async () => {
  await press("/");
  await expect(promptBox(page)).toBeFocused();
  await type("Write slowly while others wait");
  await press("Enter");
  await expect(page.getByText(/(A long answer that takes its time\. ){3}/).first()).toBeVisible({ timeout: 60_000 });
  await type("What does the app do?");
  await press("Enter");
  await type("What does the heading say?");
  await press("Enter");
  const waiting = page.getByRole("list", { name: "Prompts that wait" }).getByRole("listitem");
  await expect(waiting).toHaveText([/^What does the app do\?\s*Next$/, /^What does the heading say\?\s*After 1 other$/]);
  await press("Escape");
  await expect(page.getByText("Esc again stops the run").first()).toBeVisible();
  await press("Escape");
  await expect(page.getByRole("article", { name: /^Result: Stopped by you/ })).toHaveCount(1);
  await expect(promptBox(page)).toBeFocused();
  await expect(page.getByRole("feed").getByText("It shows a heading and one field.")).toHaveCount(2, { timeout: 60_000 });
});

test("a draft survives a reload, and the Stop button is reached from it", async () => {
  await type("Write slowly once more");
  await press("Enter");
  await expect(working()).toBeVisible();
  await type("a draft");
  await page.reload();
  await expect(promptBox(page)).toHaveValue("a draft");
  await expect(working()).toBeVisible();
  await tabTo(page, promptBox(page));
  await tabTo(page, page.getByRole("button", { name: "Stop" }));
  await press("Enter");
  await expect(page.getByRole("article", { name: /^Result: Stopped by you/ })).toHaveCount(2);
});

test("the deploy dialog takes the focus and gives it back", async () => {
  const deploy = page.getByRole("button", { name: "Deploy", exact: true });
  await tabTo(page, deploy, "Shift+Tab");
  await press("Enter");
  const dialog = page.getByRole("dialog", { name: /^Deploy/ });
  await expect(dialog).toBeVisible();
  expect(await dialog.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  await press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(deploy).toBeFocused();
});

test("a screen reader finds landmarks, headings by prompt, rows by what they did, and two live regions", async () => {
  const skip = page.getByRole("link", { name: "Go to the prompt" });
  await expect(skip).toHaveCount(1);
  await expect(page.getByRole("link", { name: "Go to the preview" })).toHaveCount(1);
  await expect(page.getByRole("banner")).toBeVisible();
  const main = page.getByRole("main");
  await expect(main.getByRole("region", { name: "Chat" })).toBeVisible();
  await expect(main.getByRole("region", { name: "Work area" })).toBeVisible();
  await expect(page.getByRole("form", { name: "Prompt" })).toBeVisible();
  await expect(page.getByTitle("Preview of Build a todo list")).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(["Build a todo list"]);
  await expect(page.getByRole("heading", { level: 2, name: "Prompt 1: Build a todo list" })).toHaveCount(1);
  await expect(page.getByRole("heading", { level: 2, name: /^Prompt \d: / })).toHaveCount(5);
  const feed = page.getByRole("feed", { name: "Prompts and answers" });
  await expect(feed.getByRole("button", { name: /^Edited src\/App\.tsx, 1 line added, 1 removed, done$/ })).toHaveCount(1);
  await expect(feed.getByRole("button", { name: /^Ran for i in .+, done$/ })).toHaveCount(1);
  await expect(feed.getByRole("article", { name: /^Checkpoint 1, .*\d+ lines? added, \d+ removed/ })).toHaveCount(1);
  await expect(feed).not.toHaveAttribute("aria-live", /.*/);
  await expect(page.getByRole("status")).toHaveCount(1);
  await expect(page.getByRole("alert")).toHaveCount(1);
  // The chat is one stop for Tab.
  expect(await feed.locator("[data-row][tabindex='0']").count()).toBe(1);
  // Times are times.
  await expect(feed.locator("time").first()).toBeAttached();
});

test("the status says in whole sentences what a run did", async () => {
  await press("/");
  await press("Control+A");
  await type("What does it say now?");
  // One sentence may follow the other at once: all are kept, as a screen reader queues them.
  await page.getByRole("status").evaluate((region) => {
    const said: string[] = [];
    new MutationObserver(() => {
      if (region.textContent && said.at(-1) !== region.textContent) said.push(region.textContent);
    }).observe(region, { childList: true, subtree: true, characterData: true });
    (window as unknown as { said: string[] }).said = said;
  });
  await press("Enter");
  const said = () => page.evaluate(() => (window as unknown as { said: string[] }).said.join("\n"));
  await expect.poll(said, { timeout: 30_000 }).toMatch(/It shows a heading and one field\.[^]*Done: no files changed/i);
});
