/**
 * Measures a cold load of a running workspace in headless Chromium with the processor slowed four times: first paint,
 * first data drawn, first key taken, and how far the layout moved; median and 95th percentile of ten loads.
 * `node scripts/load.mjs http://localhost:3210 [/path/to/chromium]`
 */
import { chromium } from "playwright-core";

const base = process.argv[2] ?? "http://localhost:3210";
const executablePath = process.argv[3] ?? "/usr/bin/chromium";
const loads = 10;

const screens = [
  { name: "sign-in", path: "/sign-in", signedIn: false, data: "Continue as guest", field: "Email" },
  { name: "home", path: "/", signedIn: true, data: "Start from a template", field: "What should it do?" },
];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const state = await signIn();
for (const screen of screens) {
  const runs = [];
  for (let i = 0; i < loads; i++) runs.push(await load(screen));
  for (const measure of Object.keys(runs[0])) {
    const sorted = runs.map((run) => run[measure]).sort((a, b) => a - b);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
    const digits = measure === "layout shift" ? 4 : 0;
    console.log(`${screen.name.padEnd(8)} ${measure.padEnd(18)} p50 ${at(0.5).toFixed(digits)}  p95 ${at(0.95).toFixed(digits)}`);
  }
}
await browser.close();

/** A guest's session, so that home has somebody to show itself to. */
async function signIn() {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}/sign-in`);
  await page.getByRole("button", { name: "Continue as guest" }).click();
  await page.getByRole("textbox", { name: "What should it do?" }).waitFor();
  const stored = await context.storageState();
  await context.close();
  return stored;
}

async function load({ path, signedIn, data, field }) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    storageState: signedIn ? state : undefined,
  });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(base + path, { waitUntil: "commit" });
  const since = () => page.evaluate(() => performance.now());
  await page.getByText(data).first().waitFor();
  const drawn = await since();
  const box = page.getByRole("textbox", { name: field });
  await box.press("x");
  await page.waitForFunction(() => document.activeElement?.value?.includes("x"));
  const typed = await since();
  await page.waitForTimeout(500);
  const [paint, shift] = await page.evaluate(() => [
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
    window.shift,
  ]);
  await context.close();
  return { "first paint ms": paint, "data drawn ms": drawn, "first key ms": typed, "layout shift": shift };
}
