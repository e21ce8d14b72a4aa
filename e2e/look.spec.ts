// How the workspace looks before, while and after a theme is chosen, with the
// system's own colours, and with a prompt that tries to be more than text.
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { api, connectAs } from "./lib/client.ts";
import { ModelServer } from "./lib/model.ts";
import { axe, build, preview, promptBox, results, shot, signUp, violations } from "./lib/person.ts";
import { rules } from "./lib/script.ts";
import { Surgent } from "./lib/server.ts";

let server: Surgent;
let model: ModelServer;
let context: BrowserContext;
let page: Page;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  test.setTimeout(600_000); // the first start builds the base
  model = await ModelServer.start();
  await model.script(rules);
  server = await Surgent.start(model.env);
  context = await browser.newContext();
  page = await context.newPage();
  await signUp(page, server.url);
  await build(page, "What does it show?");
  await expect(page.getByRole("feed").getByText("It shows a heading and one field.")).toBeVisible({ timeout: 150_000 });
  await expect(preview(page).getByRole("heading").first()).toBeVisible({ timeout: 60_000 });
});
test.afterAll(async () => {
  await context?.close();
  await server?.remove();
  await model?.stop();
});

type Scheme = "light" | "dark";

// Notes what stands behind the page from the first moment on: the page's own
// colour, or the browser's where the page has none yet.
function watchBackground(): void {
  const store = window as unknown as { seen: Set<string> };
  store.seen = new Set();
  const lightness = (colour: string): number | undefined => {
    const [, l] = /oklch\(([\d.]+)/.exec(colour) ?? [];
    if (l !== undefined) return Number(l);
    const [, r, , alpha] = /rgba?\((\d+), (\d+), \d+(?:, ([\d.]+))?\)/.exec(colour) ?? [];
    return r === undefined || alpha === "0" ? undefined : Number(r) / 255;
  };
  const look = () => {
    const root = document.documentElement;
    if (!root || !document.head) return;
    const probe = document.createElement("i");
    probe.style.color = "Canvas";
    document.head.append(probe);
    const canvas = getComputedStyle(probe).color;
    probe.remove();
    const own = [document.body, root].map((element) => (element ? lightness(getComputedStyle(element).backgroundColor) : undefined));
    const behind = own.find((l) => l !== undefined) ?? lightness(canvas) ?? 1;
    store.seen.add(behind > 0.5 ? "light" : "dark");
  };
  const frame = () => {
    look();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

const seen = (target: Page): Promise<Scheme[]> => target.evaluate(() => [...(window as unknown as { seen: Set<Scheme> }).seen]);

for (const theme of ["System", "Light", "Dark"] as const) {
  for (const system of ["light", "dark"] as const) {
    const wanted: Scheme = theme === "System" ? system : theme === "Light" ? "light" : "dark";
    test(`theme ${theme} on a ${system} system: ${wanted} from the first moment, without a flash of the other`, async () => {
      await page.goto(`${server.url}/settings`);
      await page.getByRole("radio", { name: theme, exact: true }).check();
      const fresh = await context.newPage();
      await fresh.emulateMedia({ colorScheme: system });
      await fresh.addInitScript(watchBackground);
      for (const path of ["/", "/settings"]) {
        await fresh.goto(server.url + path);
        await expect(fresh.getByRole("banner")).toBeVisible();
        await expect(fresh.getByRole("heading").first()).toBeVisible();
        expect(await seen(fresh)).toEqual([wanted]);
      }
      await fresh.close();
    });
  }
}

test("System follows the device while the page is open, and a choice reaches every tab", async () => {
  await page.goto(`${server.url}/settings`);
  await page.getByRole("radio", { name: "System", exact: true }).check();
  const other = await context.newPage();
  await other.goto(server.url);
  await page.evaluate(watchBackground);
  await other.evaluate(watchBackground);
  // What the next frames show, with nothing of the past.
  const shows = async (target: Page) => {
    await target.evaluate(() => (window as unknown as { seen: Set<string> }).seen.clear());
    await target.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
    return seen(target);
  };
  for (const scheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await expect.poll(() => shows(page)).toEqual([scheme]);
  }
  await other.emulateMedia({ colorScheme: "light" });
  await page.getByRole("radio", { name: "Dark", exact: true }).check();
  await expect.poll(() => shows(other)).toEqual(["dark"]);
  await shot(page, "account");
  await axe(page, "account");
  await page.getByRole("radio", { name: "System", exact: true }).check();
  await expect.poll(() => shows(other)).toEqual(["light"]);
  await other.close();
});

test("with the system's own colours text is readable and controls keep their rims", async () => {
  await page.goto(server.url);
  await page.getByRole("link", { name: /What does it show/ }).first().click();
  await expect(results(page)).toHaveCount(1);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ forcedColors: "active", colorScheme });
    const rims = await page.evaluate(() => {
      const rim = (element: Element | null | undefined) => {
        for (let at = element; at; at = at.parentElement) {
          const style = getComputedStyle(at);
          if (Number.parseFloat(style.borderTopWidth) >= 1 && style.borderTopStyle !== "none" && style.borderTopColor !== style.backgroundColor) return true;
          if (at !== element && at.clientHeight > 200) return false;
        }
        return false;
      };
      const button = (name: string) => [...document.querySelectorAll("button")].find((b) => (b.getAttribute("aria-label") ?? b.textContent) === name);
      return {
        prompt: rim(document.querySelector("form[aria-label=Prompt] textarea")),
        deploy: rim(button("Deploy")),
        address: rim(document.querySelector("input[aria-label='Path in the app']")),
        step: rim(document.querySelector("[data-step] button")),
      };
    });
    expect(rims).toEqual({ prompt: true, deploy: true, address: true, step: true });
    await axe(page, `system colours, ${colorScheme}`);
    await page.screenshot({ path: `shots/forced-colours-${colorScheme}.png` });
  }
  await page.emulateMedia({ forcedColors: "none", colorScheme: "light" });
});

test("a prompt with a script, a picture and a line of 200 kB is text: nothing runs, nothing is fetched, the page goes on", async () => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  const prompt = `Say some hostile text <script>window.hacked = 1</script> <img src=x onerror="window.hacked = 2"> ![p](http://tracker.example.test/p.png) ${"x".repeat(200_000)}`;
  await promptBox(page).fill(prompt);
  await promptBox(page).press("Enter");
  await expect(page.getByText("and text.").first()).toBeVisible({ timeout: 60_000 });
  await expect(results(page)).toHaveCount(2);
  const row = page.getByRole("article", { name: /^Prompt: Say some hostile text/ });
  await expect(row).toContainText("<script>window.hacked = 1</script>");
  await expect(row).toContainText("![p](http://tracker.example.test/p.png)");
  expect(await row.locator("img, script").count()).toBe(0);
  expect((await row.boundingBox())?.height).toBeLessThan(400); // folded
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  expect(asked.filter((url) => url.includes("tracker.example.test"))).toEqual([]);
  // What is typed next arrives, and the prompt is whole after a reload.
  await promptBox(page).pressSequentially("goes on");
  await expect(promptBox(page)).toHaveValue("goes on");
  await page.reload();
  await expect(row).toContainText("<script>window.hacked = 1</script>");
  await expect(promptBox(page)).toHaveValue("goes on");
  const client = await connectAs(page, server.url);
  const projectId = new URL(page.url()).pathname.split("/")[2];
  const [session] = (await client.query(api.sessions.listSessionsByProject, { projectId })) as { _id: string }[];
  const rows = (await client.query(api.sessions.listMessagesBySession, { sessionId: session._id, limit: 1000 })) as { raw: unknown }[];
  await client.close();
  expect(rows.some((r) => JSON.stringify(r.raw).includes("x".repeat(200_000)))).toBe(true);
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  await shot(page, "hostile-prompt");
});

test("axe found nothing on the way", () => {
  expect(violations).toEqual([]);
});
