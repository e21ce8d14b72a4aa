// What a person does without a mouse.
import { expect, type Locator, type Page } from "@playwright/test";

// Moves the focus with Tab, or back with Shift+Tab, until it is on the target.
export async function tabTo(page: Page, target: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  for (let n = 0; n < 60; n++) {
    if ((await target.count()) > 0 && (await target.first().evaluate((element) => element === document.activeElement))) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${key} never reached ${String(target)}; the focus is on ${await focused(page)}`);
}

// Moves through the rows of the chat until the focus is on the target.
export async function rowTo(page: Page, target: Locator, key: "ArrowUp" | "ArrowDown" = "ArrowUp"): Promise<void> {
  for (let n = 0; n < 60; n++) {
    if (await target.first().evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${key} never reached ${String(target)}; the focus is on ${await focused(page)}`);
}

// The focus is somewhere, and can be seen there.
export async function expectFocusRing(page: Page): Promise<void> {
  const ring = await page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return "the focus is nowhere";
    // The ring may stand around a box that holds the field.
    for (let at: Element | null = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2) return "seen";
    }
    return `no ring around ${element.outerHTML.slice(0, 200)}`;
  });
  expect(ring).toBe("seen");
}

async function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200) ?? "nothing");
}
