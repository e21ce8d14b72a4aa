// The main job on a phone: 390 × 844, by touch alone. What a person types on
// the phone's own keyboard is typed; everything else is tapped or swiped.
import { expect, test, type BrowserContext, type Locator, type Page } from "@playwright/test";
import { ModelServer } from "./lib/model.ts";
import { axe, newAccount, noSidewaysScroll, preview, promptBox, promptRow, shot, violations } from "./lib/person.ts";
import { rules } from "./lib/script.ts";
import { Surgent } from "./lib/server.ts";

const tall = { width: 390, height: 844 };
const withKeyboard = { width: 390, height: 480 };

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
  context = await browser.newContext({ viewport: tall, hasTouch: true, isMobile: true });
  page = await context.newPage();
});
test.afterAll(async () => {
  await context?.close();
  await server?.remove();
  await model?.stop();
});

const tab = (name: string) => page.getByRole("navigation", { name: "Parts of the project" }).getByRole("button", { name: new RegExp(`^(News: ?)?${name}$`) });
const send = () => page.getByRole("button", { name: "Send", exact: true });

// A finger drags what is under it down by so many pixels.
async function swipe(down: number): Promise<void> {
  const session = await context.newCDPSession(page);
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", y: number) =>
    session.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x: 195, y }] });
  await touch("touchStart", 200);
  for (let moved = 20; moved <= down; moved += 20) await touch("touchMove", 200 + moved);
  await touch("touchEnd", 200 + down);
  await session.detach();
}

// What can be pressed answers over at least 44 px, with its invisible margin;
// the rows of steps, which stand close together, over 40.
async function reachable(target: Locator, height = 44): Promise<void> {
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  expect(box).not.toBeNull();
  const x = (box?.x ?? 0) + (box?.width ?? 0) / 2;
  const y = (box?.y ?? 0) + (box?.height ?? 0) / 2;
  const own = await target.evaluate(
    (element, [x, y, half]) => [y - half, y + half].map((at) => element.contains(document.elementFromPoint(x, at))),
    [x, y, height / 2 - 1],
  );
  expect(own).toEqual([true, true]);
}

test("an account is made, and home fits the phone", async () => {
  await page.goto(server.url);
  await noSidewaysScroll(page);
  await page.getByText("Create an account").tap();
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill(account.password);
  await page.getByRole("button", { name: "Create account" }).tap();
  await expect(page.getByRole("heading", { name: "What should it do?" })).toBeVisible();
  await noSidewaysScroll(page);
  await reachable(page.getByRole("button", { name: "Build", exact: true }));
  await axe(page, "phone, home");
});

test("Enter breaks the line, Build builds; the template's app shows in its own part", async () => {
  const box = page.getByRole("textbox", { name: "What should it do?" });
  await box.tap();
  await box.pressSequentially("Build a todo list");
  await box.press("Enter");
  await box.pressSequentially("for my phone");
  await expect(box).toHaveValue("Build a todo list\nfor my phone");
  await page.getByRole("button", { name: "Build", exact: true }).tap();
  await page.waitForURL(/\/p\//);
  await tab("Preview").tap();
  await expect(preview(page).getByRole("heading").first()).toBeVisible({ timeout: 150_000 });
  await reachable(page.getByRole("button", { name: "Reload", exact: true }));
  await reachable(page.getByRole("button", { name: "Open in a new tab" }));
  await noSidewaysScroll(page);
});

test("text streams, the plan counts, a command shows its lines, and the preview has changed", async () => {
  await tab("Chat").tap();
  await expect(page.getByText("First the markup").first()).toBeVisible({ timeout: 60_000 });
  await expect(page).toHaveTitle(/^● /);
  const plan = page.getByRole("button", { name: /^Plan, \d of 3 done, now: / });
  await expect(plan).toHaveText(/1 of 3|2 of 3/, { timeout: 30_000 });
  await plan.tap();
  await expect(page.getByRole("listitem").filter({ hasText: "Check the code" })).toBeVisible();
  await plan.tap();
  const command = page.getByRole("button", { name: /^(Running|Ran) for i in/ });
  await command.tap({ timeout: 60_000 });
  await expect(page.getByText("line 2").first()).toBeVisible({ timeout: 30_000 });
  await tab("Preview").tap();
  await expect(preview(page).getByRole("heading", { name: "Today" })).toBeVisible({ timeout: 60_000 });
  await shot(page, "phone-preview");
  await axe(page, "phone, preview");
  await tab("Chat").tap();
  await expect(page.getByRole("article", { name: /^Checkpoint 1, / })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("article", { name: /^Result: / })).toContainText("4 steps");
  await shot(page, "phone-chat");
  await axe(page, "phone, chat");
  await noSidewaysScroll(page);
});

test("a step opens by touch, and a path of the chat opens its file", async () => {
  const edited = page.getByRole("button", { name: /^Edited src\/App\.tsx/ });
  await reachable(edited, 40);
  if ((await edited.getAttribute("aria-expanded")) === "false") await edited.tap();
  await expect(page.getByRole("group", { name: "Changed lines" }).last()).toContainText("max-w-2xl");
  await noSidewaysScroll(page);
  await page.getByRole("button", { name: "src/App.tsx:4" }).tap();
  await expect(page.locator(".cm-activeLine")).toContainText("<h1", { timeout: 20_000 });
  await noSidewaysScroll(page);
  await tab("Chat").tap();
});

test("with the phone's keyboard open the prompt box and its buttons stay in sight", async () => {
  await promptBox(page).tap();
  await page.setViewportSize(withKeyboard); // as interactive-widget=resizes-content does
  await expect(promptBox(page)).toBeFocused();
  await expect(promptBox(page)).toBeInViewport({ ratio: 1 });
  await promptBox(page).pressSequentially("Write slowly,");
  await promptBox(page).press("Enter");
  await promptBox(page).pressSequentially("for a reader");
  await expect(promptBox(page)).toHaveValue("Write slowly,\nfor a reader");
  await expect(promptBox(page)).toBeInViewport({ ratio: 1 });
  await expect(send()).toBeInViewport({ ratio: 1 });
  await reachable(send());
  await send().tap();
  await expect(page.getByText(/(A long answer that takes its time\. ){6}/).first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("button", { name: "Stop" })).toBeInViewport({ ratio: 1 });
  await page.setViewportSize(tall);
});

test("a swipe back in mid-stream lets go of the end; a tap leads there again; Stop is a tap", async () => {
  await swipe(400);
  const toEnd = page.getByRole("button", { name: /to the end$/ });
  await expect(toEnd).toBeVisible();
  const card = page.getByRole("article", { name: /^Checkpoint 1, / });
  // The swipe goes on for a moment after the finger is up.
  let before = await card.boundingBox();
  await expect
    .poll(async () => {
      const last = before?.y;
      before = await card.boundingBox();
      return before?.y === last;
    }, { intervals: [200] })
    .toBe(true);
  const written = await page.getByText(/^A long answer/).last().innerText();
  await expect.poll(async () => (await page.getByText(/^A long answer/).last().innerText()).length).toBeGreaterThan(written.length + 60);
  expect((await card.boundingBox())?.y).toBe(before?.y);
  await toEnd.tap();
  await expect(toEnd).toHaveCount(0);
  await page.getByRole("button", { name: "Stop" }).tap();
  await expect(page.getByRole("article", { name: /^Result: Stopped by you/ })).toHaveCount(1);
  await expect(promptRow(page, "Write slowly,\nfor a reader").or(page.getByRole("article", { name: /^Prompt: Write slowly/ })).first()).toBeAttached();
});

test("the app is deployed by touch", async () => {
  await page.getByRole("button", { name: "Deploy", exact: true }).tap();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("from-a-phone");
  await shot(page, "phone-deploy");
  await axe(page, "phone, deploy");
  await dialog.getByRole("button", { name: "Deploy", exact: true }).tap();
  await expect(dialog.getByText("Live now:")).toBeVisible({ timeout: 120_000 });
  await dialog.getByRole("button", { name: "Close" }).first().tap();
});

test("at 320 px nothing scrolls sideways, on any part", async () => {
  await page.setViewportSize({ width: 320, height: 640 });
  for (const name of ["Preview", "Files", "Chat"]) {
    await tab(name).tap();
    await expect(tab(name)).toBeInViewport({ ratio: 1 });
    await noSidewaysScroll(page);
  }
  await expect(promptBox(page)).toBeVisible();
  await shot(page, "chat-320");
  await axe(page, "phone, 320 px");
  await page.getByRole("button", { name: "Deploy", exact: true }).tap();
  await expect(page.getByRole("dialog")).toBeVisible();
  await noSidewaysScroll(page);
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).first().tap();
  await page.goto(server.url);
  await expect(page.getByRole("heading", { name: "Projects" })).toBeVisible();
  await noSidewaysScroll(page);
});

test("axe found nothing on the way", () => {
  expect(violations).toEqual([]);
});
