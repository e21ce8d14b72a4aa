import { expect, test } from "@playwright/test";
import { preview, promptBox } from "./lib/person.ts";
import { Surgent } from "./lib/server.ts";
const out = "/tmp/w/agent-run/shots/";
test("watch the demo", async ({ browser }) => {
  test.setTimeout(600_000);
  const server = await Surgent.start();
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  try {
    await page.goto(server.url);
    await page.getByRole("button", { name: "Continue as guest" }).click();
    await page.getByRole("button", { name: "Build", exact: true }).click();
    await page.waitForURL(/\/p\//);
    await expect(page.getByText("Checkpoint 1", { exact: true }).first()).toBeVisible({ timeout: 240_000 });
    const app = preview(page);
    for (const item of ["Order paint samples", "Call the landlord", "Water the plants"]) {
      await app.getByRole("textbox").first().fill(item);
      await app.getByRole("textbox").first().press("Enter");
    }
    await app.getByRole("checkbox").first().click().catch(() => app.getByText("Water the plants").click());
    await page.waitForTimeout(800);
    await page.screenshot({ path: out + "1-built.png" });
    const send = async (text: string) => { const b = promptBox(page); await b.fill(text); await b.press("Enter"); };
    await send("Build a todo list. Keep items after a reload, and let me filter by done.");
    await expect(page.getByText("Checkpoint 2", { exact: true }).first()).toBeVisible({ timeout: 120_000 });
    await page.waitForTimeout(1000);
    await page.screenshot({ path: out + "2-repeat.png" });
    await send("Make me a chess engine");
    await page.waitForTimeout(9000);
    await page.screenshot({ path: out + "3-other.png" });
    await page.getByRole("radio", { name: "Ask" }).click().catch(() => page.getByText("Ask", { exact: true }).first().click());
    await send("Where is the theme kept?");
    await page.waitForTimeout(10000);
    await page.screenshot({ path: out + "4-ask.png" });
    await page.goto(server.url);
    await page.getByText("Static page").first().click();
    await page.waitForTimeout(800);
    await page.screenshot({ path: out + "5-home.png" });
    await page.getByRole("button", { name: "Build", exact: true }).click();
    await page.waitForURL(/\/p\//);
    await expect(page.getByText("Checkpoint 1", { exact: true }).first()).toBeVisible({ timeout: 240_000 });
    await page.waitForTimeout(1500);
    await page.screenshot({ path: out + "6-bakery.png" });
  } catch (e) {
    await page.screenshot({ path: out + "fail.png" });
    throw e;
  } finally {
    await context.close();
    await server.remove();
  }
});
