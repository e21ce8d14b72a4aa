// What a person does in the workspace, in gestures; and what the pictures of
// it are called.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";

const shots = join(import.meta.dirname, "../shots");
mkdirSync(shots, { recursive: true });

export interface Account {
  email: string;
  password: string;
}

let people = 0;
export const newAccount = (): Account => ({ email: `person${Date.now()}${people++}@example.test`, password: "correct horse battery" });

export async function shot(page: Page, name: string): Promise<void> {
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.screenshot({ path: join(shots, `${name}-${scheme}.png`), animations: "disabled" });
  }
  await page.emulateMedia({ colorScheme: "light" });
  // Colours fade for up to 200 ms: who measures contrast next must not meet
  // them half-way.
  await page.waitForTimeout(300);
}

// What axe found, by the place where it looked. The walk goes on, and ends by
// expecting nothing.
export const violations: string[] = [];

// Runs axe over the page and keeps what it finds.
export async function axe(page: Page, place: string): Promise<void> {
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  const found = await page.evaluate(async () => {
    const api = (window as unknown as { axe: { run: (c: unknown, o: unknown) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } }).axe;
    // The person's own app is another origin and another author's page.
    const result = await api.run({ exclude: [["iframe"]] }, { iframes: false });
    return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary ?? ""}`).join(" | ")}`);
  });
  violations.push(...found.map((v) => `${place}: ${v}`));
}

export async function signUp(page: Page, base: string, account = newAccount()): Promise<Account> {
  await page.goto(`${base}/sign-in`);
  await page.getByRole("button", { name: "Create an account" }).or(page.getByRole("link", { name: "Create an account" })).click();
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill(account.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "What should it do?" })).toBeVisible();
  return account;
}

export const promptBox = (page: Page) => page.getByRole("form", { name: "Prompt" }).getByRole("textbox");

export async function build(page: Page, prompt: string): Promise<void> {
  const box = page.getByRole("textbox", { name: "What should it do?" });
  await box.fill(prompt);
  await page.getByRole("button", { name: "Build", exact: true }).click();
  await page.waitForURL(/\/p\//);
}

export async function send(page: Page, prompt: string): Promise<void> {
  await promptBox(page).fill(prompt);
  await promptBox(page).press("Enter");
}

export const promptRow = (page: Page, text: string) => page.getByRole("article", { name: `Prompt: ${text}`, exact: true });

export const results = (page: Page) => page.getByRole("article", { name: /^Result: / });

// Notes every text that an element shows, however short it stands there; the
// returned function tells whether one of them matched.
export async function watchTexts(page: Page): Promise<(pattern: RegExp) => Promise<boolean>> {
  await page.evaluate(() => {
    const store = window as unknown as { texts: Set<string> };
    store.texts = new Set();
    const note = (node: Node) => {
      // A change deep inside changes what its row and its button say.
      let element = node instanceof HTMLElement ? node : node.parentElement;
      for (let up = 0; element && up < 4; up++, element = element.parentElement) {
        if (element.textContent && element.textContent.length < 500) store.texts.add(element.textContent);
      }
    };
    new MutationObserver((records) => {
      for (const record of records) {
        note(record.target);
        for (const node of record.addedNodes) note(node);
      }
    }).observe(document.body, { childList: true, characterData: true, subtree: true });
  });
  return (pattern) =>
    page.evaluate(
      ([source, flags]) => [...(window as unknown as { texts: Set<string> }).texts].some((text) => new RegExp(source, flags).test(text)),
      [pattern.source, pattern.flags],
    );
}

// Counts the loads of the app's page in its frame.
export function countLoads(page: Page): () => number {
  let count = 0;
  page.on("framenavigated", (frame) => {
    if (frame.parentFrame() === page.mainFrame()) count++;
  });
  return () => count;
}

// Nothing is wider than the window.
export async function noSidewaysScroll(page: Page): Promise<void> {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  expect(content).toBeLessThanOrEqual(width);
}

export const preview = (page: Page) => page.frameLocator("iframe[title^='Preview of']");
