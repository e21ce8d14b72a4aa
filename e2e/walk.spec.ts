// The main job as a person does it, in Chromium, against real sandboxes, the
// real dev server and a strict scripted model server.
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { call, ModelServer, say } from "./lib/model.ts";
import { axe, build, newAccount, preview, promptBox, send, shot, signUp, violations } from "./lib/person.ts";
import { Surgent } from "./lib/server.ts";

const app = (heading: string) => `export function App() {
  return (
    <main className="mx-auto max-w-xl p-8">
      <h1 className="text-3xl font-semibold">${heading}</h1>
      <label>Task <input aria-label="Add a task" className="border" /></label>
    </main>
  );
}
`;

const plan = (done: number) => ({
  todos: ["Write the list", "Style it", "Check the code"].map((content, i) => ({
    content,
    status: i < done ? "completed" : i === done ? "in_progress" : "pending",
    activeForm: content,
  })),
});

const rules = [
  {
    prompt: "(?i)build a todo list",
    answers: [
      call("TodoWrite", plan(0), `I start with the list. ${"First the markup, then the state that it needs. ".repeat(6)}`, { delay_ms: 300 }),
      call("Read", { file_path: "/workspace/src/App.tsx" }),
      call("Write", { file_path: "/workspace/src/App.tsx", content: app("Today") }, undefined, { delay_ms: 5 }),
      call("TodoWrite", plan(1)),
      call("Edit", { file_path: "/workspace/src/App.tsx", old_string: "max-w-xl", new_string: "max-w-2xl" }),
      call("TodoWrite", plan(2)),
      call("Bash", { command: "for i in 1 2 3 4 5 6; do echo line $i; sleep 1; done; bun run lint" }),
      call("TodoWrite", plan(3)),
      say("The list is there. See `src/App.tsx:4`.", { delay_ms: 25 }),
    ],
  },
  {
    prompt: "(?i)second heading",
    answers: [
      call("Edit", { file_path: "/workspace/src/App.tsx", old_string: "Today", new_string: "Tomorrow" }, undefined, { first_delay_ms: 4000 }),
      say("Changed the heading."),
    ],
  },
  {
    // Longer than anybody waits: it is always stopped.
    prompt: "(?i)write slowly",
    answers: [say("A long answer that takes its time. ".repeat(400), { delay_ms: 120, chunk_bytes: 12 })],
  },
  {
    prompt: "(?i)through a restart",
    answers: [say(`${"An answer that is broken off and begun again. ".repeat(20)}End.`, { delay_ms: 150, chunk_bytes: 12 })],
  },
  { prompt: "(?i)what does", answers: [call("Read", { file_path: "src/App.tsx" }), say("It shows a heading and one field.")] },
  {
    prompt: "(?i)failing command",
    answers: [call("Bash", { command: "echo before; exit 1" }), say("The command failed.")],
  },
  {
    prompt: "(?i)busy",
    answers: [{ ...say("After all, done."), faults: [{ kind: "status" as const, status: 529 }, { kind: "status" as const, status: 529 }] }],
  },
  {
    prompt: "(?i)break the build",
    answers: [
      call("Read", { file_path: "/workspace/src/App.tsx" }),
      call("Write", { file_path: "/workspace/src/App.tsx", content: "export function App() { return <main>\n" }),
      say("Broken on purpose."),
    ],
  },
  {
    prompt: "(?i)mend the build",
    answers: [
      call("Read", { file_path: "/workspace/src/App.tsx" }),
      call("Write", { file_path: "/workspace/src/App.tsx", content: app("Mended") }),
      say("Mended."),
    ],
  },
  {
    prompt: "(?i)hostile text",
    answers: [say("<script>window.hacked = 1</script> ![x](http://tracker.example.test/p.png) and text.")],
  },
];

const footers = (page: Page) => page.getByRole("article", { name: /^Result: / });

let server: Surgent;
let model: ModelServer;

test.beforeAll(async () => {
  test.setTimeout(600_000); // the first start builds the base
  model = await ModelServer.start();
  await model.script(rules);
  server = await Surgent.start(model.env);
});

test.afterAll(async () => {
  await server?.remove();
  await model?.stop();
});

test.describe.configure({ mode: "serial" });

test.describe("the main job", () => {
  let context: BrowserContext;
  let page: Page;
  const account = newAccount();

  test.beforeAll(async ({ browser }) => {
    context = await browser.newContext();
    page = await context.newPage();
  });
  test.afterAll(() => context?.close());

  test("1-3: sign-in: focus, wrong password in words, account by keyboard alone", async () => {
    await page.goto(server.url);
    await expect(page).toHaveURL(/\/sign-in/);
    await expect(page.getByLabel("Email")).toBeFocused();
    await shot(page, "signin");
    await axe(page, "sign-in");
    await page.getByLabel("Email").fill(account.email);
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.keyboard.press("Enter");
    await expect(page.getByText("Email or password is wrong.")).toBeVisible();
    await expect(page.getByLabel("Email")).toHaveValue(account.email);
    await shot(page, "signin-error");
    await signUp(page, server.url, account);
    await expect(page.getByRole("textbox", { name: "What should it do?" })).toBeFocused();
    await shot(page, "home-first");
    await axe(page, "home");
  });

  test("5-6: Build opens the project at once; the preview shows the template's app", async () => {
    await build(page, "Build a todo list");
    await expect(page.getByRole("main").getByText("Build a todo list").first()).toBeVisible();
    await shot(page, "project-preparing");
    await expect(preview(page).locator("body")).not.toBeEmpty({ timeout: 150_000 });
  });

  test("7-10: text streams, steps are in words, the plan counts, the preview follows", async () => {
    await expect(page.getByText(/Working · \d+:\d\d/)).toBeVisible({ timeout: 120_000 });
    await expect(page).toHaveTitle(/^● /);
    await expect(page.getByText("First the markup").first()).toBeVisible();
    await shot(page, "project-streaming");
    // The plan is pinned, and the last list of the run wins.
    await expect(page.getByText("1 of 3").or(page.getByText("2 of 3")).first()).toBeVisible({ timeout: 30_000 });
    // Bash shows its lines while it runs.
    await page.getByRole("button", { name: /^Running for i in/ }).click({ timeout: 60_000 });
    await expect(page.getByText("line 2").first()).toBeVisible({ timeout: 30_000 });
    await expect(preview(page).getByRole("heading", { name: "Today" })).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("The list is there.").first()).toBeVisible({ timeout: 60_000 });
  });

  test("14: checkpoint and footer", async () => {
    await expect(page.getByText("Checkpoint 1", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
    await expect(footers(page).first()).toBeVisible();
    await expect(page.getByText(/Working · /)).toHaveCount(0);
    await shot(page, "project-done");
    await axe(page, "project, done");
    const edited = page.getByRole("button", { name: /^Edited src\/App\.tsx, 1 line added, 1 removed, done/ });
    if ((await edited.getAttribute("aria-expanded")) === "false") await edited.click();
    const ran = page.getByRole("button", { name: /^Ran for i in/ });
    if ((await ran.getAttribute("aria-expanded")) === "false") await ran.click();
    await expect(page.getByText("Found 0 warnings and 0 errors.").first()).toBeVisible();
    await shot(page, "project-steps-open");
    // 33: a path in the chat opens the file at its line.
    await page.getByRole("button", { name: "src/App.tsx:4" }).first().click();
    await expect(page.locator(".cm-content")).toContainText("max-w-2xl", { timeout: 20_000 });
    await page.getByRole("tab", { name: "Preview" }).click();
  });

  test("13, 12: the next run leaves finished blocks alone", async () => {
    await page.evaluate(() => {
      const store = window as unknown as { removed: number };
      store.removed = 0;
      const feed = document.querySelector("[role=feed]");
      if (!feed) throw new Error("no feed");
      new MutationObserver((records) => {
        for (const record of records)
          for (const node of record.removedNodes)
            if (node instanceof HTMLElement && node.textContent?.includes("The list is there.")) store.removed++;
      }).observe(feed, { childList: true, subtree: true });
    });
    await send(page, "Give it a second heading");
    await expect(page.getByRole("feed").getByText(/^Thinking/).first()).toBeVisible();
    await shot(page, "project-thinking");
    await expect(preview(page).getByRole("heading", { name: "Tomorrow" })).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("Checkpoint 2", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
    expect(await page.evaluate(() => (window as unknown as { removed: number }).removed)).toBe(0);
  });

  test("11, 12: reading back in mid-stream: nothing moves, a selection stays, the pill brings back", async () => {
    await send(page, "Write slowly, for a reader");
    await expect(page.getByText("A long answer").first()).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText(/(A long answer that takes its time\. ){12}/).first()).toBeVisible({ timeout: 60_000 });
    const feed = page.getByRole("feed");
    await feed.hover();
    await page.mouse.wheel(0, -600);
    const first = page.getByRole("article", { name: "Prompt: Build a todo list" });
    await expect(first).toBeInViewport();
    await page.evaluate(() => {
      const paragraph = [...document.querySelectorAll("[role=feed] p")].find((p) => p.textContent?.startsWith("I start with the list."));
      if (paragraph) getSelection()?.selectAllChildren(paragraph);
    });
    const before = await first.boundingBox();
    const selected = await page.evaluate(() => getSelection()?.toString());
    expect(selected).toContain("I start with the list.");
    await expect(page.getByRole("button", { name: /to the end$/ })).toBeVisible();
    await page.waitForTimeout(1500); // text keeps coming below
    expect((await first.boundingBox())?.y).toBe(before?.y);
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(selected);
    await page.getByRole("button", { name: /to the end$/ }).click();
    await expect(page.getByRole("article", { name: "Prompt: Write slowly, for a reader" })).toBeInViewport();
    await page.getByRole("button", { name: "Stop" }).click();
    await expect(page.getByRole("article", { name: /Stopped by you/ })).toHaveCount(1);
  });

  test("16: stop by button, then by Esc Esc; the next prompt works", async () => {
    await send(page, "Write slowly please");
    await expect(page.getByText("A long answer").nth(1)).toBeVisible({ timeout: 60_000 });
    await page.getByRole("button", { name: "Stop" }).click();
    await expect(page.getByRole("article", { name: /Stopped by you/ })).toHaveCount(2);
    await shot(page, "project-stopped");
    await send(page, "Write slowly again");
    await expect(page.getByText(/Working · /)).toBeVisible();
    await promptBox(page).focus();
    await page.keyboard.press("Escape");
    await expect(page.getByText("Esc again stops the run").first()).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page.getByRole("article", { name: /Stopped by you/ })).toHaveCount(3);
  });

  test("15, 17, 18: two prompts wait in order; a reload and a second tab show the same", async () => {
    await send(page, "Write slowly while others wait");
    await expect(page.getByText(/Working · /)).toBeVisible();
    await send(page, "What does the app do?");
    await send(page, "What does the heading say?");
    await expect(page.getByText("What does the app do?").first()).toBeVisible();
    await shot(page, "project-queue");
    await promptBox(page).fill("a draft that stays");
    await page.reload();
    await expect(page.getByText("A long answer").last()).toBeVisible();
    await expect(promptBox(page)).toHaveValue("a draft that stays");
    const second = await context.newPage();
    await second.goto(page.url());
    await expect(second.getByText("A long answer").last()).toBeVisible();
    await second.close();
    await promptBox(page).fill("");
    await page.getByRole("button", { name: "Stop" }).click();
    await expect(page.getByText("It shows a heading and one field.")).toHaveCount(2, { timeout: 60_000 });
  });

  test("19: kill -9 in mid-run: strip, back online, the run goes on, one footer", async () => {
    const before = await footers(page).count();
    await send(page, "Write through a restart");
    await expect(page.getByText(/Working · /)).toBeVisible();
    await server.kill9();
    await expect(page.getByText("Connection lost. Trying again…")).toBeVisible({ timeout: 15_000 });
    await shot(page, "offline-strip");
    await server.up();
    await expect(page.getByText("Back online", { exact: true })).toBeVisible({ timeout: 40_000 });
    await expect(page.getByText(/End\.$/).first()).toBeVisible({ timeout: 120_000 });
    await expect(page.getByText(/Working · /)).toHaveCount(0, { timeout: 30_000 });
    expect(await footers(page).count()).toBe(before + 1);
  });

  test("20: offline, type and send: arrives once", async () => {
    await context.setOffline(true);
    await server.kill9();
    await send(page, "What does it do after all?");
    await expect(page.getByText("Sending").first()).toBeVisible();
    await server.up();
    await context.setOffline(false);
    await expect(page.getByText("It shows a heading and one field.")).toHaveCount(3, { timeout: 90_000 });
    await expect(page.getByRole("article", { name: "Prompt: What does it do after all?" })).toHaveCount(1);
  });

  test("21: ask mode changes nothing", async () => {
    const cards = await page.getByText(/^Checkpoint \d+$/).count();
    await page.getByRole("radio", { name: "Ask" }).check();
    await expect(promptBox(page)).toHaveAttribute("placeholder", "Ask about the code. Nothing is changed.");
    await send(page, "What does this ask?");
    await expect(page.getByText("It shows a heading and one field.")).toHaveCount(4, { timeout: 60_000 });
    expect(await page.getByText(/^Checkpoint \d+$/).count()).toBe(cards);
    await page.getByRole("radio", { name: "Code" }).check();
  });

  test("22: the model is busy twice, then done", async () => {
    await send(page, "Are you busy?");
    await expect(page.getByText(/The model is busy\. Trying again/).first()).toBeVisible({ timeout: 30_000 });
    await shot(page, "project-retry");
    await expect(page.getByText("After all, done.").first()).toBeVisible({ timeout: 60_000 });
  });

  test("24: a failing command is red and open", async () => {
    await send(page, "Run a failing command");
    await expect(page.getByText("exit 1").first()).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("The command failed.").first()).toBeVisible();
  });

  test("30: a broken build is shown and can be sent to the agent", async () => {
    await send(page, "Break the build");
    await expect(page.getByText("Broken on purpose.").first()).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText(/1 error|The app doesn't build\./).first()).toBeVisible({ timeout: 30_000 });
    await shot(page, "preview-error");
    await send(page, "Mend the build");
    await expect(preview(page).getByRole("heading", { name: "Mended" })).toBeVisible({ timeout: 60_000 });
  });

  test("44: hostile text stays text", async () => {
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await send(page, "Say some hostile text");
    await expect(page.getByText("and text.").first()).toBeVisible({ timeout: 60_000 });
    expect(await page.evaluate(() => "hacked" in window)).toBe(false);
    expect(asked.filter((url) => url.includes("tracker.example.test"))).toEqual([]);
  });

  test("32, 33: files: open, filter; a path in the chat opens the file", async () => {
    await page.getByRole("tab", { name: "Files" }).click();
    await expect(page.getByText("package.json").first()).toBeVisible({ timeout: 30_000 });
    await page.getByText("package.json").first().click();
    await expect(page.locator(".cm-content")).toContainText("vite", { timeout: 20_000 });
    await shot(page, "files");
    await axe(page, "files");
    await page.getByRole("tab", { name: "Preview" }).click();
    await expect(preview(page).getByRole("heading", { name: "Mended" })).toBeVisible();
  });

  test("34: deploy: bad and reserved names in words, then live", async () => {
    await page.getByRole("button", { name: "Deploy", exact: true }).click();
    const dialog = page.getByRole("dialog");
    const name = dialog.getByRole("textbox");
    await name.fill("api");
    await expect(dialog.getByText("Reserved.")).toBeVisible();
    await name.fill("x");
    await expect(dialog.getByText("Letters, digits and hyphens, 3 to 40.")).toBeVisible();
    await name.fill("my-todo");
    await shot(page, "deploy-form");
    await axe(page, "deploy form");
    await dialog.getByRole("button", { name: "Deploy", exact: true }).click();
    await expect(dialog.getByText(/Build|Built/).first()).toBeVisible();
    await shot(page, "deploy-running");
    await expect(dialog.getByText(/Live now|Live/).first()).toBeVisible({ timeout: 120_000 });
    await shot(page, "deploy-live");
    const deployed = await context.newPage();
    await deployed.goto(`http://my-todo.${server.domain}/`);
    await expect(deployed.getByRole("heading", { name: "Mended" })).toBeVisible();
    await deployed.close();
    await page.keyboard.press("Escape");
  });

  test("31: address and widths of the preview", async () => {
    const address = page.getByRole("textbox", { name: "Path in the app" });
    await address.fill("/about");
    await address.press("Enter");
    await expect(address).toHaveValue("/about");
    await expect(preview(page).getByRole("heading", { name: "Mended" })).toBeVisible();
    const frame = page.locator("iframe[title^='Preview of']");
    for (const width of [768, 390]) {
      await page.getByRole("button", { name: `${width} px wide` }).click();
      await expect.poll(() => frame.evaluate((element) => element.clientWidth)).toBe(width);
    }
    await shot(page, "preview-390");
    await page.getByRole("button", { name: "Full width" }).click();
    const [tab] = await Promise.all([context.waitForEvent("page"), page.getByRole("button", { name: "Open in a new tab" }).click()]);
    await expect(tab.getByRole("heading", { name: "Mended" })).toBeVisible();
    await tab.close();
  });

  test("40, 41: zoom, forced colours and reduced motion", async () => {
    await page.setViewportSize({ width: 360, height: 225 }); // 1440 × 900 at 400 %
    await page.getByRole("navigation").getByText("Chat").click();
    await expect(promptBox(page)).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await shot(page, "zoom-400");
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.emulateMedia({ forcedColors: "active" });
    await page.screenshot({ path: "shots/forced-colours.png" });
    await page.emulateMedia({ forcedColors: "none", reducedMotion: "reduce" });
    await send(page, "Write slowly without motion");
    await expect(page.getByText(/Working · /)).toBeVisible();
    expect(await page.evaluate(() => document.getAnimations().filter((a) => a.playState === "running").length)).toBe(0);
    await page.getByRole("button", { name: "Stop" }).click();
    await expect(page.getByText(/Working · /)).toHaveCount(0);
    await page.emulateMedia({ reducedMotion: "no-preference" });
  });

  test("31: a stranger's browser gets no preview", async ({ browser }) => {
    const frame = await page.locator("iframe[title^='Preview of']").getAttribute("src");
    expect(frame).toBeTruthy();
    const origin = new URL(frame ?? "").origin;
    const stranger = await browser.newContext();
    const other = await stranger.newPage();
    const answer = await other.goto(`${origin}/`);
    expect(answer?.status()).toBe(403);
    await stranger.close();
  });

  test("38: a foreign and a nonsense id look the same", async ({ browser }) => {
    const stranger = await browser.newContext();
    const other = await stranger.newPage();
    await signUp(other, server.url);
    for (const path of [new URL(page.url()).pathname, "/p/nonsense"]) {
      await other.goto(server.url + path);
      await expect(other.getByText("There is no such project, or it isn't yours.")).toBeVisible();
    }
    await shot(other, "not-found");
    await stranger.close();
  });

  test("42: axe found nothing on the way", () => {
    expect(violations).toEqual([]);
  });

  test("the strict model server refused nothing", async () => {
    expect(await model.refusals()).toEqual([]);
  });
});
