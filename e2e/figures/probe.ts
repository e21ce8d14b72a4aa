// What a page tells about itself, seen from within: when something is drawn,
// how long frames and tasks take, how soon a key shows.
import type { CDPSession, Page } from "@playwright/test";

export interface Probe {
  drawn: number; // the frame in which the awaited element is there
  typed: number; // the frame in which the composer shows its first letter
  shift: number;
  frames: number[]; // of each frame, ms since the one before
  tasks: number[]; // long ones, as the browser counts them: above 50 ms
  keys: number[]; // key press → the frame after its letter is painted
}

const empty = (): Probe => ({ drawn: 0, typed: 0, shift: 0, frames: [], tasks: [], keys: [] });

// Observes every document that the page opens from now on. Times are ms since
// the document was asked for.
export async function observe(page: Page, awaited: string): Promise<void> {
  await page.addInitScript(
    ({ awaited, probe }) => {
      if (window !== window.top) return; // the preview is another page
      (window as unknown as { probe: Probe }).probe = probe;
      const current = () => (window as unknown as { probe: Probe }).probe;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          const shift = entry as PerformanceEntry & { value: number; hadRecentInput: boolean };
          if (!shift.hadRecentInput) current().shift += shift.value;
        }
      }).observe({ type: "layout-shift", buffered: true });
      new PerformanceObserver((list) => current().tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
      let before = 0;
      const frame = (now: number) => {
        const p = current();
        if (before > 0) p.frames.push(now - before);
        before = now;
        if (p.drawn === 0 && document.querySelector(awaited)) p.drawn = performance.now();
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      let pressed = 0;
      addEventListener("keydown", (event) => (pressed = event.timeStamp), true);
      addEventListener(
        "input",
        () => {
          const since = pressed;
          requestAnimationFrame(() => {
            // A message comes after the frame was painted.
            const channel = new MessageChannel();
            channel.port1.onmessage = () => {
              const now = performance.now();
              current().keys.push(now - since);
              if (current().typed === 0) current().typed = now;
            };
            channel.port2.postMessage(null);
          });
        },
        true,
      );
    },
    { awaited, probe: empty() },
  );
}

export const read = (page: Page): Promise<Probe> => page.evaluate(() => (window as unknown as { probe: Probe }).probe);

// Forgets what was counted so far.
export const reset = (page: Page): Promise<void> =>
  page.evaluate((probe) => {
    (window as unknown as { probe: Probe }).probe = probe;
  }, empty());

export const nodes = (page: Page): Promise<number> => page.evaluate(() => document.querySelectorAll("*").length);

// What JavaScript holds when nothing that could be freed is left.
export async function heap(cdp: CDPSession): Promise<number> {
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  return usedSize;
}
