// With nothing configured: a guest, the demo model, a small real app, deployed.
import { expect, test, type BrowserContext, type FrameLocator, type Page } from "@playwright/test";
import { axe, preview, shot, violations } from "./lib/person.ts";
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

test("a guest sees that it is a demo; what it builds is filled in, and an example fills the box without sending", async () => {
  await page.goto(server.url);
  await page.getByRole("button", { name: "Continue as guest" }).click();
  const box = page.getByRole("textbox", { name: "What should it do?" });
  await expect(box).toBeFocused();
  await expect(page.getByText("Demo model: plays recorded builds.")).toBeVisible();
  await expect(page.getByText("Guest", { exact: true }).first()).toBeVisible();
  const filled = await box.inputValue();
  expect(filled).toContain("todo list");
  await page.getByRole("button", { name: "A check list for moving house" }).click();
  await expect(box).toHaveValue("A check list for moving house");
  await expect(page).toHaveURL(`${server.url}/`);
  await expect(page.getByRole("heading", { name: "Projects" })).toHaveCount(0);
  await page.getByRole("button", { name: filled }).click();
  await expect(box).toHaveValue(filled);
  await page.getByRole("button", { name: "Add a key" }).click();
  await expect(page.getByText(/ANTHROPIC_API_KEY/).first()).toBeVisible();
  await page.keyboard.press("Escape");
  await shot(page, "home-demo");
  await axe(page, "home, demo");
});

// Adds two items, ticks one off and filters: in the preview, and once deployed.
async function works(app: Page | FrameLocator): Promise<void> {
  const field = app.getByRole("textbox").first();
  const item = (text: string) => app.getByText(text, { exact: true });
  for (const text of ["Order paint samples", "Call the painter"]) {
    await field.fill(text);
    await field.press("Enter");
    await expect(item(text)).toBeVisible();
  }
  await app.getByRole("checkbox", { name: /Order paint samples/ }).click();
  await app.getByRole("button", { name: /^Open/ }).click();
  await expect(item("Call the painter")).toBeVisible();
  await expect(item("Order paint samples")).toHaveCount(0);
  await app.getByRole("button", { name: /^Done/ }).click();
  await expect(item("Order paint samples")).toBeVisible();
  await expect(item("Call the painter")).toHaveCount(0);
}

test("the demo builds an app that works, with a checkpoint, at no cost", async () => {
  test.setTimeout(300_000);
  await page.getByRole("button", { name: "Build", exact: true }).click();
  await page.waitForURL(/\/p\//);
  await expect(page.getByText(/Working · /)).toBeVisible({ timeout: 150_000 });
  await expect(page.getByText("Checkpoint 1", { exact: true }).first()).toBeVisible({ timeout: 180_000 });
  await expect(page.getByRole("article", { name: /^Result: / })).toContainText("$0");
  await works(preview(page));
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
  await works(live);
  await live.screenshot({ path: "shots/demo-deployed.png" });
  // The worker behind the page answers too.
  expect(await live.evaluate(async () => (await fetch("/api/hello")).status)).toBe(200);
  await live.close();
});

test("axe found nothing on the way", () => {
  expect(violations).toEqual([]);
});
