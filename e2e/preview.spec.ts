// The preview follows the files: by HMR where the page listens, and by one
// more load where it was still loading when a file changed.
import { expect, test, type Page } from "@playwright/test";
import type { ConvexClient } from "convex/browser";
import { api, connectAs } from "./lib/client.ts";
import { countLoads, preview, signUp } from "./lib/person.ts";
import { Surgent, waitFor } from "./lib/server.ts";

const app = (heading: string) => `export function App() {
  return (
    <main>
      <h1>${heading}</h1>
      <input aria-label="Note" />
    </main>
  );
}
`;

let server: Surgent;
let page: Page;
let client: ConvexClient;
let projectId: string;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  test.setTimeout(600_000); // the first start builds the base
  server = await Surgent.start();
  page = await (await browser.newContext()).newPage();
  await signUp(page, server.url);
  await page.getByRole("button", { name: /^Web app/ }).last().click();
  await page.waitForURL(/\/p\//);
  projectId = new URL(page.url()).pathname.split("/")[2];
  client = await connectAs(page, server.url);
  await expect(preview(page).getByRole("heading").first()).toBeVisible({ timeout: 150_000 });
});
test.afterAll(async () => {
  await client?.close();
  await page?.context().close();
  await server?.remove();
});

const write = (heading: string) => client.action(api.files.uploadFile, { projectId, path: "src/App.tsx", content: app(heading) });
const heading = (text: string) => preview(page).getByRole("heading", { name: text });

// The newest lines of the dev server, as the workspace knows them.
async function devLog(): Promise<string> {
  const project = (await client.query(api.projects.getProject, { projectId })) as { sandbox: { devServer?: { lastLines?: string[] } } };
  return (project.sandbox.devServer?.lastLines ?? []).join("\n");
}

test("files that change show at once, and what was typed into the app stays", async () => {
  await write("First");
  await expect(heading("First")).toBeVisible();
  await preview(page).getByLabel("Note").fill("typed by a person");
  const loads = countLoads(page);
  for (const text of ["Second", "Third", "Fourth"]) {
    await write(text);
    await expect(heading(text)).toBeVisible();
  }
  await expect(preview(page).getByLabel("Note")).toHaveValue("typed by a person");
  expect(loads()).toBe(0);
});

for (const [when, held] of [
  ["before it listens for changes", /\/@vite\/client$/],
  ["while its code is still on the way", /\/react-dom_client\.js/],
] as const) {
  test(`a file that changes under a loading app, ${when}, shows all the same`, async () => {
    await write(`Old: ${when}`);
    await expect(heading(`Old: ${when}`)).toBeVisible();
    let release: () => void = () => {};
    const released = new Promise<void>((done) => (release = done));
    await page.route(held, async (route) => {
      await released;
      await route.continue();
    });
    const lines = await devLog();
    const served = page.waitForResponse((response) => new URL(response.url()).pathname === "/src/App.tsx");
    await page.getByRole("button", { name: "Reload", exact: true }).click();
    await (await served).finished();
    await write(`New: ${when}`);
    // The dev server has told those who listen; this page can't have heard it.
    await waitFor("the dev server's own update", async () => {
      const now = await devLog();
      return now !== lines && now.includes("hmr update /src/App.tsx");
    });
    release();
    await expect(heading(`New: ${when}`)).toBeVisible();
    await page.unroute(held);
  });
}
