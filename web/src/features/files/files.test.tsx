import { act, screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { addRows, call, projectWorlds, result, says } from "@/test/projectWorlds";
import { open, violations } from "@/test/render";
import { refuse } from "@/test/scripted";
import type { World } from "@/test/world";

const page = "/p/projects1?tab=files";
const world = (name = "project-empty"): World => projectWorlds[name]!();

describe("the tree", () => {
  it("opens folders and files, and the address says so", async () => {
    const { user } = open(world(), page);
    const src = await screen.findByRole("treeitem", { name: /^src/ });
    expect(src).toHaveAttribute("aria-expanded", "false");
    await user.click(screen.getByText("src"));
    await user.click(await screen.findByText("App.tsx"));
    expect(window.location.search).toBe("?tab=files&file=src/App.tsx");
    expect(await screen.findByRole("tab", { name: "App.tsx" })).toHaveAttribute("aria-selected", "true");
    expect(await screen.findByRole("textbox", { name: "src/App.tsx, read only" })).toBeInTheDocument();
  });

  it("is moved through with the arrow keys", async () => {
    const { user } = open(world(), page);
    const first = await screen.findByRole("treeitem", { name: "node_modules" });
    act(() => first.focus());
    await user.keyboard("{ArrowDown}{ArrowDown}{ArrowRight}");
    await screen.findByText("App.tsx");
    await user.keyboard("{ArrowRight}");
    expect(document.activeElement).toHaveTextContent("list");
  });

  it("is gone to with two letters, and the focus with it", async () => {
    const { user } = open(world(), "/p/projects1");
    await screen.findByRole("textbox", { name: "Prompt" });
    act(() => (document.activeElement as HTMLElement).blur());
    await user.keyboard("gf");
    await screen.findByRole("treeitem", { name: /^src/ });
    await waitFor(() => expect(screen.getByRole("region", { name: "Work area" })).toHaveFocus());
  });

  it("filters by name", async () => {
    const { user } = open(world(), page);
    await user.type(await screen.findByRole("textbox", { name: "Filter files by name" }), "css");
    await user.click(await screen.findByRole("button", { name: /index\.css/ }));
    expect(window.location.search).toContain("file=src/index.css");
  });

  it("says when there is nothing", async () => {
    const w = world();
    w.server.on("files:listFiles", () => []);
    open(w, page);
    expect(await screen.findByText("No files yet.")).toBeVisible();
  });

  it("says what it waits for while the sandbox is away", async () => {
    open(world("project-waking"), page);
    expect((await screen.findAllByText("Waking")).length).toBeGreaterThan(0);
  });
});

describe("a file", () => {
  const file = (path: string) => `${page}&file=${path}`;

  it("that is binary, too big or gone says so", async () => {
    const w = world();
    const first = open(w, file("public/icon.png"));
    expect(await screen.findByText("Binary file, 2.1 MB.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Download" })).toBeVisible();
    first.unmount();
    w.server.on("files:getFileDetails", () => ({ size: 12_000_000 }));
    const second = open(w, file("big.log"));
    expect(await screen.findByText("Too big to show (12 MB).")).toBeVisible();
    second.unmount();
    w.server.on("files:getFileDetails", () => refuse("not_found", "File not found"));
    open(w, file("never.ts"));
    expect(await screen.findByText("There is no such file.")).toBeVisible();
    expect(screen.getByRole("tab", { name: "never.ts" })).not.toHaveClass("line-through");
  });

  it("that goes while it is open was deleted, and its tab is struck through", async () => {
    const w = world("project-thinking");
    open(w, file("src/App.tsx"));
    await screen.findByRole("textbox", { name: "src/App.tsx, read only" });
    w.server.on("files:getFileDetails", () => refuse("not_found", "File not found"));
    act(() => {
      addRows(w, w.runs[0]!, [says(call("rm1", "Bash", { command: "rm src/App.tsx" })), result("rm1", "(no output)")]);
      w.server.changed();
    });
    expect(await screen.findByText("This file was deleted.")).toBeVisible();
    await waitFor(() => expect(screen.getByRole("tab", { name: "App.tsx" })).toHaveClass("line-through"));
  });

  it("that is a folder leads to its files", async () => {
    const w = world();
    w.server.on("files:getFileDetails", () => ({ isDir: true }));
    const { user } = open(w, file("src/list"));
    expect(await screen.findByText("This is a folder.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Show its files" }));
    expect(await screen.findByRole("treeitem", { name: /^list/ })).toHaveAttribute("aria-expanded", "true");
    expect(window.location.search).toBe("?tab=files");
    expect(screen.queryByRole("tab", { name: "list" })).toBeNull();
  });

  it("carries a dot while the agent edits it, and is read again after", async () => {
    const w = world("project-thinking");
    open(w, file("src/App.tsx"));
    expect(await screen.findByRole("tab", { name: "App.tsx" })).toBeVisible();
    const run = w.runs[0]!;
    act(() => {
      addRows(w, run, [says(call("live1", "Edit", { file_path: "/workspace/src/App.tsx" }))]);
      w.server.changed();
    });
    expect(await screen.findByRole("tab", { name: /the agent edits it now/ })).toBeVisible();
    const reads = () => w.server.calls.filter((c) => c.name === "files:readFile").length;
    await waitFor(() => expect(reads()).toBeGreaterThan(0));
    const before = reads();
    act(() => {
      addRows(w, run, [result("live1", "Updated.", { structuredPatch: [] })]);
      w.server.changed();
    });
    await waitFor(() => expect(reads()).toBeGreaterThan(before));
    expect(await screen.findByRole("tab", { name: "App.tsx" })).toBeVisible();
  });

  it("closes with the middle button, and stays open over a reload", async () => {
    const first = open(world(), file("src/App.tsx"));
    await screen.findByRole("tab", { name: "App.tsx" });
    first.unmount();
    const { user } = open(world(), page);
    const tab = await screen.findByRole("tab", { name: "App.tsx" });
    await user.pointer([{ keys: "[MouseMiddle>]", target: tab }, { keys: "[/MouseMiddle]" }]);
    await waitFor(() => expect(screen.queryByRole("tab", { name: "App.tsx" })).toBeNull());
  });

  it("has nothing that axe finds", async () => {
    open(world(), file("src/App.tsx"));
    await screen.findByRole("textbox", { name: "src/App.tsx, read only" });
    expect(await violations()).toEqual([]);
  });
});
