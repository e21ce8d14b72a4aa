import { act, screen, within } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import { projectWorlds } from "@/test/projectWorlds";
import { open } from "@/test/render";

type Report = (entries: Partial<IntersectionObserverEntry>[]) => void;
let watched: Map<Element, Report>;

beforeEach(() => {
  watched = new Map();
  vi.stubGlobal("scrollTo", () => {});
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(private readonly report: Report) {}
      observe(node: Element) {
        watched.set(node, this.report);
      }
      unobserve() {}
      disconnect() {}
    },
  );
});

const moves = (run: Element, near: boolean, height = 480) =>
  act(() => watched.get(run)?.([{ isIntersecting: near, boundingClientRect: { height } as DOMRect }]));

async function firstRun() {
  const opened = open(projectWorlds["project-done"]!(), "/p/projects1");
  const feed = await screen.findByRole("feed");
  await within(feed).findByText(/I added the list/);
  const run = feed.querySelector<HTMLElement>(".turn")!;
  return { ...opened, run, steps: () => within(run).queryByRole("button", { name: /\d+ steps|Read|Edited/ }) };
}

it("a run far from the window keeps its words and its room, and is whole again when it comes near", async () => {
  const { run, steps } = await firstRun();
  expect(steps()).not.toBeNull();
  moves(run, false);
  expect(steps()).toBeNull();
  expect(run.style.height).toBe("480px");
  expect(within(run).getByText(/I added the list/)).toBeInTheDocument();
  expect(within(run).getByText(/Checkpoint 1/)).toBeInTheDocument();
  expect(within(run).getByRole("heading", { level: 2 })).toBeInTheDocument();
  moves(run, true);
  expect(steps()).not.toBeNull();
  expect(run.style.height).toBe("");
});

it("the newest run, what the reader opened, and a feed that is hidden stay as they are", async () => {
  const { run, steps, user } = await firstRun();
  const newest = [...document.querySelectorAll(".turn")].at(-1)!;
  expect(watched.has(newest)).toBe(false);
  moves(run, false, 0);
  expect(steps()).not.toBeNull();
  await user.click(steps()!);
  act(() => (document.activeElement as HTMLElement).blur());
  moves(run, false);
  expect(within(run).getByRole("button", { expanded: true })).toBeInTheDocument();
});
