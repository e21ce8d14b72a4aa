// What the workspace costs a browser: a cold load, a session of a thousand
// rows, an answer that streams into it, and what all of that takes on the wire.
// Nothing is judged here: the aims are printed beside the figures.
import { type Browser, type BrowserContext, expect, type Page, test } from "@playwright/test";
import { ModelServer } from "../lib/model.ts";
import { promptBox, send } from "../lib/person.ts";
import { Surgent } from "../lib/server.ts";
import { heap, nodes, observe, type Probe, read, reset } from "./probe.ts";
import { kb, mb, ms, percentile, table } from "./report.ts";
import { appended, essay, rules, Session } from "./session.ts";
import { bytes, byQuery, deflated, type Frame, Wire } from "./wire.ts";

const loads = Number(process.env.ROUNDS ?? 10);
const seconds = Number(process.env.SECONDS_STREAMED ?? 60);

// The result of the newest run is the last that a run writes.
const newest = "[data-feed] article[aria-label^='Result:']";
const composer = "form[aria-label='Prompt'] textarea";

test.describe.configure({ mode: "serial" });

let server: Surgent;
let model: ModelServer;
let session: Session;
let context: BrowserContext; // of the person whose session it is
const printed: string[] = [];
const weights: string[][] = []; // rows appended, by the length of the session

test.beforeAll(async ({ browser }) => {
  test.setTimeout(600_000);
  model = await ModelServer.start();
  await model.script(rules(seconds));
  server = await Surgent.start(model.env);
  context = await browser.newContext();
  const page = await context.newPage();
  session = await Session.begin(page, server.url);
  await page.close(); // it would draw all that the measured one draws
});

test.afterAll(async () => {
  console.log(`\n${printed.join("\n\n")}\n`);
  await session?.close();
  await server?.remove();
  await model?.stop();
});

test("cold load", async ({ browser }) => {
  const screens = [
    { name: "home", path: "/", drawn: "a[href^='/p/']" },
    { name: "project", path: session.path, drawn: newest },
  ];
  const lines: string[][] = [];
  for (const screen of screens) {
    const all: Cold[] = [];
    for (let n = 0; n < loads; n++) all.push(await cold(browser, screen.path, screen.drawn));
    const both = (of: (load: Cold) => number, text: (value: number) => string) => [0.5, 0.95].map((p) => text(percentile(all.map(of), p)));
    lines.push([screen.name, "first contentful paint", ...both((load) => load.paint, ms), ""]);
    lines.push([screen.name, "first query drawn", ...both((load) => load.drawn, ms), ""]);
    lines.push([screen.name, "composer takes a key", ...both((load) => load.typed, ms), ""]);
    lines.push([screen.name, "layout shift", ...both((load) => load.shift, (value) => value.toFixed(4)), "≤ 0.02"]);
  }
  printed.push(`Cold load, processor slowed 4 times, ${loads} rounds:`, table(["screen", "what", "p50", "p95", "aim"], lines));
});

type Cold = Probe & { paint: number };

// Loads a page with nothing in the browser's cache.
async function cold(browser: Browser, path: string, drawn: string): Promise<Cold> {
  const own = await browser.newContext({ storageState: await context.storageState() });
  const page = await own.newPage();
  const cdp = await own.newCDPSession(page);
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await observe(page, drawn);
  await page.goto(server.url + path, { waitUntil: "commit" });
  await page.locator(composer).press("x");
  await expect.poll(async () => (await read(page)).typed > 0 && (await read(page)).drawn > 0, { intervals: [100] }).toBe(true);
  await page.waitForTimeout(1000); // what still moves counts too
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN);
  const load = { ...(await read(page)), paint };
  await own.close();
  return load;
}

test("rows on the wire", async () => {
  const page = await context.newPage();
  const wire = await Wire.attach(await context.newCDPSession(page));
  for (const length of [10, 100, 1000]) {
    await session.grow(length);
    const before = await session.rows();
    await page.goto(server.url + session.path);
    await expect(page.locator(newest).last()).toBeInViewport();
    await quiet(page, wire);
    wire.take();
    await session.send("append rows");
    await session.ended();
    await quiet(page, wire);
    const frames = wire.take();
    const rows = (await session.rows()) - before;
    weights.push([`row appended to ${before}`, kb(bytes(frames) / rows), kb((await deflated(frames)) / rows), length === 1000 ? "as with 10" : "", parts(frames, rows)]);
    await page.goto("about:blank");
  }
  await page.close();
});

// The three queries that weigh most, per unit.
const parts = (frames: Frame[], units: number): string =>
  byQuery(frames)
    .slice(0, 3)
    .map(([name, size]) => `${name} ${kb(size / units)}`)
    .join(", ");

// Nothing came for a second.
async function quiet(page: Page, wire: Wire): Promise<void> {
  for (let seen = -1; seen !== wire.frames.length; ) {
    seen = wire.frames.length;
    await page.waitForTimeout(1000);
  }
}

test("a session of a thousand rows, and an answer that streams into it", async () => {
  await session.grow(1000);
  const length = await session.rows();
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  const wire = await Wire.attach(cdp);
  await observe(page, newest);
  await page.goto(server.url + session.path, { waitUntil: "commit" });
  await expect(page.locator(newest).last()).toBeInViewport();
  await page.waitForTimeout(2000);
  const opened = await read(page);
  const small = [await nodes(page), await heap(cdp)];

  await reset(page);
  const wheels = await toTop(page);
  const climbed = await read(page);
  const large = [await nodes(page), await heap(cdp)];
  printed.push(
    `A session of ${length.toLocaleString("en")} rows:`,
    table(
      ["what", "figure", "aim"],
      [
        ["open → newest row drawn", ms(opened.drawn), ""],
        ["frames > 50 ms while it opens; longest", slow(opened.frames), "none > 100 ms"],
        ["nodes; heap, opened", `${small[0].toLocaleString("en")}; ${mb(small[1])}`, "≤ 3,000"],
        [`wheel to the top (${wheels} turns)`, `${(total(climbed.frames) / 1000).toFixed(1)} s`, ""],
        ["frames > 50 ms on the way; longest", slow(climbed.frames), "none > 100 ms"],
        ["nodes; heap, all loaded", `${large[0].toLocaleString("en")}; ${mb(large[1])}`, "≤ 3,000"],
      ],
    ),
  );

  wire.take();
  await send(page, "write the essay");
  await expect(page.locator("[data-feed] [data-last] article[aria-label^='Agent:']")).toBeInViewport({ timeout: 30_000 });
  await reset(page);
  const typed = await type(page, session.ended());
  const streamed = await read(page);
  await quiet(page, wire);
  const frames = wire.take();
  const live = frames.filter((frame) => frame.queries.some((query) => /:stream(Head|Chunk)$/.test(query.name)));
  const heads = frames.filter((frame) => frame.queries.some((query) => query.name.endsWith(":streamHead") && query.value));
  const took = ((heads.at(-1)?.at ?? 0) - (heads[0]?.at ?? 0)) / 1000;
  const size = Buffer.byteLength(essay(seconds));
  await promptBox(page).fill("");
  const after = await heap(cdp);
  printed.push(
    `An answer streams into it for ${Math.round(took)} s, 20 pieces a second, ${Math.round(size / took)} B/s, while somebody types (${typed} keys):`,
    table(
      ["what", "figure", "aim"],
      [
        ["long tasks > 50 ms; longest", slow(streamed.tasks), "none"],
        ["frames > 50 ms; longest", slow(streamed.frames), "none > 100 ms"],
        ["key press → letter painted, p50; p95", `${ms(percentile(streamed.keys, 0.5))}; ${ms(percentile(streamed.keys, 0.95))}`, "p95 ≤ 32 ms"],
        ["heap before; after", `${mb(large[1])}; ${mb(after)}`, ""],
      ],
    ),
  );
  const perKB = (part: number) => kb((part * 1000) / size);
  printed.push(
    `On the wire (${(heads.length / took).toFixed(1)} updates a second; the aim is ≤ 10):`,
    table(
      ["received per", "bytes", "were it deflated", "aim", "most of it"],
      [
        ["kB of streamed text, while it is written", perKB(bytes(live)), perKB(await deflated(live)), "≤ 4 kB deflated", parts(live, size / 1000)],
        ["the same, with its row and all else", perKB(bytes(frames)), perKB(await deflated(frames)), "", parts(frames, size / 1000)],
        ...weights,
      ],
    ),
  );
});

const total = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);

const slow = (values: number[]): string => `${values.filter((value) => value > 50).length}; ${ms(Math.max(0, ...values))}`;

// Turns the wheel until the first row is in sight, and tells how often.
async function toTop(page: Page): Promise<number> {
  const feed = page.locator("[data-feed]");
  await feed.hover();
  const beginning = page.getByText("Beginning of this session");
  for (let n = 1; n < 3000; n++) {
    await page.mouse.wheel(0, -800);
    if (n % 5 === 0 && (await beginning.isVisible()) && (await feed.evaluate((element) => element.scrollTop <= 1))) return n;
  }
  throw new Error("3,000 turns of the wheel did not reach the beginning");
}

// Types four letters a second until the end, and tells how many.
async function type(page: Page, end: Promise<void>): Promise<number> {
  let over = false;
  const ended = end.finally(() => (over = true));
  await promptBox(page).focus();
  let n = 0;
  for (; !over; n++) {
    await page.keyboard.press("abcdefghij"[n % 10]);
    await page.waitForTimeout(250);
  }
  await ended;
  return n;
}
