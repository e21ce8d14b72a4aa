import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import { projectWorlds } from "@/test/projectWorlds";
import { open } from "@/test/render";

beforeEach(() => {
  vi.stubGlobal("scrollTo", () => {});
});

it("opens a long session with a small newest page, which each new row sends again, and the rest of forty", async () => {
  const world = projectWorlds["session-long"]!();
  world.runs = world.runs.slice(-6);
  world.rows = world.rows.slice(-6 * 14);
  const asked: unknown[] = [];
  const rows = world.rows.toReversed();
  world.server.on("sessions:listMessagesPage", (args) => {
    const { numItems, cursor } = args.paginationOpts as { numItems: number; cursor: string | null };
    asked.push({ numItems, cursor });
    const from = Number(cursor ?? 0);
    return {
      page: rows.slice(from, from + numItems),
      isDone: from + numItems >= rows.length,
      continueCursor: String(from + numItems),
    };
  });
  open(world, "/p/projects1");
  expect(await screen.findByRole("article", { name: /^Prompt: Prompt 60:/ })).toBeVisible();
  expect(asked.slice(0, 2)).toEqual([
    { numItems: 8, cursor: null },
    { numItems: 32, cursor: "8" },
  ]);
});

it("shows a session that is shorter than its newest page", async () => {
  const world = projectWorlds["project-done"]!();
  world.rows = world.rows.slice(0, 3);
  open(world, "/p/projects1");
  expect((await screen.findAllByRole("article")).length).toBeGreaterThan(0);
  expect(screen.getByText("Beginning of this session")).toBeVisible();
});
