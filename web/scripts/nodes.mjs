/**
 * Counts the nodes of a page with a session of sixty runs (840 rows), when it opens and when all of it was scrolled
 * through, on the scripted server of src/test: `npm run look -- --port 5174`, then
 * `node scripts/nodes.mjs http://localhost:5174 [/path/to/chromium]`
 */
import { chromium } from "playwright-core";

const base = process.argv[2] ?? "http://localhost:5174";
const executablePath = process.argv[3] ?? "/usr/bin/chromium";

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.goto(`${base}/p/projects1?world=session-long`);
await page.locator("[data-feed] .turn").first().waitFor();
await page.waitForTimeout(1000);
const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
console.log(`opened: ${await nodes()} nodes`);
await page.mouse.move(200, 400);
while ((await page.getByText("Beginning of this session").count()) === 0) {
  await page.mouse.wheel(0, -2000);
  await page.waitForTimeout(100);
}
await page.waitForTimeout(1000);
console.log(`all rows loaded: ${await nodes()} nodes in ${await page.locator(".turn").count()} runs`);
await browser.close();
