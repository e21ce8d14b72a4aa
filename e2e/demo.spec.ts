// With nothing configured: a guest, the demo model, a small real app, deployed;
// then the same page on a phone, and narrow.
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { axe, preview, promptBox, shot, violations } from "./lib/person.ts";
import { Surgent } from "./lib/server.ts";

let server: Surgent;
let context: BrowserContext;
let page: Page;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  test.setTimeout(600_000);
  server = await Surgent.start();
  context = await browser.newContext();
  page = await context.newPage();
});
test.afterAll(async () => {
  await context?.close();
  await server?.remove();
});

test("4: a guest sees that it is a demo, and what it builds is filled in", async () => {
  await page.goto(server.url);
  await page.getByRole("button", { name: "Continue as guest" }).click();
  const box = page.getByRole("textbox", { name: "What should it do?" });
  await expect(box).toBeFocused();
  await expect(page.getByText("Demo model: plays one recorded build.")).toBeVisible();
  await expect(page.getByText("Guest", { exact: true }).first()).toBeVisible();
  await expect(box).not.toHaveValue("");
  await page.getByRole("button", { name: "Add a key" }).click();
  await expect(page.getByText(/ANTHROPIC_API_KEY/).first()).toBeVisible();
  await page.keyboard.press("Escape");
  await shot(page, "home-demo");
  await axe(page, "home, demo");
});

test("the demo builds an app that works, and a checkpoint of it", async () => {
  test.setTimeout(300_000);
  await page.getByRole("button", { name: "Build", exact: true }).click();
  await page.waitForURL(/\/p\//);
  await expect(page.getByText(/Working · /)).toBeVisible({ timeout: 150_000 });
  await expect(page.getByText("Checkpoint 1", { exact: true }).first()).toBeVisible({ timeout: 180_000 });
  const app = preview(page);
  const field = app.getByRole("textbox").first();
  await field.fill("Order paint samples");
  await field.press("Enter");
  await expect(app.getByText("Order paint samples", { exact: true })).toBeVisible();
  await shot(page, "demo-done");
});

test("one click deploys it", async () => {
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("demo-list");
  await dialog.getByRole("button", { name: "Deploy", exact: true }).click();
  await expect(dialog.getByText(/Live now/).first()).toBeVisible({ timeout: 120_000 });
  const live = await context.newPage();
  await live.goto(`http://demo-list.${server.domain}/`);
  await expect(live.getByRole("textbox").first()).toBeVisible();
  await live.screenshot({ path: "shots/demo-deployed.png" });
  // The worker behind the page answers too.
  expect(await live.evaluate(async () => (await fetch("/api/hello")).status)).toBe(200);
  await live.close();
});

test("39: the same project on a phone, and at 320 px", async ({ browser }) => {
  const phone = await browser.newContext({
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
    storageState: await context.storageState(),
  });
  const small = await phone.newPage();
  await small.goto(page.url());
  await expect(promptBox(small)).toBeVisible();
  await shot(small, "phone-chat");
  await axe(small, "phone, chat");
  await small.getByRole("navigation").getByText("Preview").click();
  await expect(preview(small).getByRole("textbox").first()).toBeVisible();
  await shot(small, "phone-preview");
  await small.getByRole("button", { name: "Deploy", exact: true }).click();
  await expect(small.getByRole("dialog")).toBeVisible();
  await shot(small, "phone-deploy");
  await small.keyboard.press("Escape");
  await small.getByRole("navigation").getByText("Chat").click();
  await small.setViewportSize({ width: 320, height: 640 });
  await expect(promptBox(small)).toBeVisible();
  expect(await small.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  await shot(small, "chat-320");
  await phone.close();
});

test("42: axe found nothing on the way", () => {
  expect(violations).toEqual([]);
});
