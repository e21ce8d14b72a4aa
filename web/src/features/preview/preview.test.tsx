import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { projectWorlds } from "@/test/projectWorlds";
import { open } from "@/test/render";
import { refuse } from "@/test/scripted";
import type { World } from "@/test/world";

const page = "/p/projects1";
const world = (name: string): World => projectWorlds[name]!();
const frame = () => screen.findByTitle("Preview of Todo list");

afterEach(() => vi.restoreAllMocks());

describe("the app", () => {
  it("stands in a frame of its own origin, opened by a signed link", async () => {
    const w = world("project-empty");
    w.server.on("projects:previewLink", () => ({ url: "http://3000-box.localhost:3210/__open?key=1" }));
    open(w, page);
    const app = await frame();
    expect(app).toHaveAttribute("src", "http://3000-box.localhost:3210/__open?key=1");
    expect(app).toHaveAttribute(
      "sandbox",
      "allow-scripts allow-same-origin allow-forms allow-popups allow-modals allow-downloads",
    );
    expect(app).toHaveAttribute("referrerpolicy", "no-referrer");
  });

  it("opens the path that the page's own address names, in the frame, in a new tab and in a copy", async () => {
    const w = world("project-empty");
    w.server.on("projects:previewLink", ({ path }) => ({
      url: `http://3000-box.localhost:3210/__open?to=${String(path)}`,
    }));
    const tab = { opener: window, location: { href: "" }, close() {} };
    vi.spyOn(window, "open").mockReturnValue(tab as unknown as Window);
    const { user } = open(w, `${page}?path=/about`);
    expect(await frame()).toHaveAttribute("src", "http://3000-box.localhost:3210/__open?to=/about");
    await user.click(screen.getByRole("button", { name: "Open in a new tab" }));
    await waitFor(() => expect(tab.location.href).toBe("http://3000-box.localhost:3210/__open?to=/about"));
    await user.click(screen.getByRole("button", { name: "Only you can see it. Address menu" }));
    await user.click(await screen.findByRole("menuitem", { name: "Copy the address" }));
    expect(await navigator.clipboard.readText()).toBe("http://3000-box.localhost:3210/__open?to=/about");
  });

  it("goes to a path with Enter and back to what was there with Esc", async () => {
    const w = world("project-empty");
    w.server.on("projects:previewLink", () => ({ url: "http://3000-box.localhost:3210/__open?key=1" }));
    const { user } = open(w, page);
    await frame();
    const address = screen.getByRole("textbox", { name: "Path in the app" });
    await user.clear(address);
    await user.type(address, "about{Enter}");
    expect(await frame()).toHaveAttribute("src", "http://3000-box.localhost:3210/about");
    expect(window.location.search).toContain("path=/about");
    const again = screen.getByRole("textbox", { name: "Path in the app" });
    await user.type(again, "xyz{Escape}");
    expect(again).toHaveValue("/about");
    await user.clear(again);
    await user.type(again, "//elsewhere.test{Enter}");
    expect(await frame()).toHaveAttribute("src", "http://3000-box.localhost:3210/elsewhere.test");
  });

  it("stays the same element over tabs and while the project changes", async () => {
    const w = world("project-empty");
    const { user } = open(w, page);
    const app = await frame();
    await user.click(screen.getByRole("tab", { name: "Files" }));
    await user.click(screen.getByRole("tab", { name: "Preview" }));
    act(() => {
      w.projects = w.projects.map((p) => ({
        ...p,
        sandbox: { ...p.sandbox!, devServer: { status: "running", lastLines: ["[vite] hmr update /src/App.tsx"] } },
      }));
      w.server.changed();
    });
    expect(await frame()).toBe(app);
  });

  it("is loaded once more when it missed a change, and left alone when it is fresh", async () => {
    const answers = [false, true];
    const asked = vi
      .spyOn(globalThis, "fetch")
      .mockImplementation(async () => Response.json({ fresh: answers.shift() ?? true }));
    const w = world("project-empty");
    w.server.on("projects:previewLink", () => ({ url: "http://3000-box.localhost:3210/__open?key=1" }));
    open(w, page);
    const app = await frame();
    fireEvent.load(app);
    await waitFor(() => expect(app).not.toBeInTheDocument());
    const again = await frame();
    expect(again).toHaveAttribute("src", "http://3000-box.localhost:3210/");
    await act(async () => void fireEvent.load(again));
    await act(async () => void fireEvent.load(again)); // the app's own reload
    expect(await frame()).toBe(again);
    expect(asked.mock.calls.map(([address]) => address)).toEqual(
      Array(3).fill("http://3000-box.localhost:3210/.surgent/fresh"),
    );
  });

  it("is not loaded for ever when it is never found fresh, and left alone when nobody can say", async () => {
    const asked = vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({ fresh: false }));
    const w = world("project-empty");
    w.server.on("projects:previewLink", () => ({ url: "http://3000-box.localhost:3210/__open?key=1" }));
    open(w, page);
    for (let n = 0; n < 3; n++) {
      const app = await frame();
      fireEvent.load(app);
      await waitFor(() => expect(app).not.toBeInTheDocument());
    }
    const last = await frame();
    await act(async () => void fireEvent.load(last));
    expect(await frame()).toBe(last);
    asked.mockRejectedValue(new TypeError("Failed to fetch"));
    await act(async () => void fireEvent.load(last));
    expect(await frame()).toBe(last);
  });

  it("names a build error in a badge, and fills the prompt box with it without sending", async () => {
    const w = world("preview-error");
    const { user } = open(w, page);
    await user.click(await screen.findByRole("button", { name: "1 error" }));
    expect(screen.getByText(/Failed to resolve import/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Send to agent" }));
    const box = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Prompt" });
    expect(box.value).toMatch(/^The dev server reports an error:\n\n\[vite\] Internal server error/);
    expect(w.server.calls.map((c) => c.name)).not.toContain("sessions:createMessageAndRunAgent");
  });

  it("says when its link is refused, with a way to try again", async () => {
    const w = world("project-empty");
    w.server.on("projects:previewLink", () => refuse("unavailable", "The sandbox is not there."));
    const { user } = open(w, page);
    expect(await screen.findByText("The preview can't be opened.")).toBeVisible();
    expect(screen.getByText("The sandbox is not there.")).toBeVisible();
    w.server.on("projects:previewLink", () => ({ url: "http://3000-box.localhost:3210/__open?key=1" }));
    await user.type(screen.getByRole("textbox", { name: "Path in the app" }), "about{Enter}");
    expect(await frame()).toBeVisible();
  });

  it("says why a tab was not opened, an address not copied, and who can see it not changed", async () => {
    const w = world("project-empty");
    const { user } = open(w, page);
    await frame();
    const tab = { opener: window, location: { href: "" }, close: vi.fn() };
    vi.spyOn(window, "open").mockReturnValue(tab as unknown as Window);
    w.server.on("projects:previewLink", () => refuse("unavailable", "The sandbox is not there."));
    w.server.on("projects:setPublic", () => refuse("forbidden", "Forbidden"));
    await user.click(screen.getByRole("button", { name: "Open in a new tab" }));
    expect(await screen.findByText("The new tab was not opened.")).toBeVisible();
    expect(screen.getByText("The sandbox is not there.")).toBeVisible();
    expect(tab.close).toHaveBeenCalled();
    await user.click(screen.getByRole("button", { name: "Only you can see it. Address menu" }));
    await user.click(await screen.findByRole("menuitem", { name: "Copy the address" }));
    expect(await screen.findByText("The address was not copied.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Only you can see it. Address menu" }));
    await user.click(await screen.findByRole("menuitemradio", { name: "Anyone with the address can see it" }));
    expect(await screen.findByText("Who can see the preview has not changed.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Close" }));
    expect(screen.queryByText("Who can see the preview has not changed.")).toBeNull();
  });

  it("can be shown to anybody", async () => {
    const w = world("project-empty");
    const { user } = open(w, page);
    await user.click(await screen.findByRole("button", { name: "Only you can see it. Address menu" }));
    await user.click(await screen.findByRole("menuitemradio", { name: "Anyone with the address can see it" }));
    expect(w.server.calls.at(-1)).toEqual({
      name: "projects:setPublic",
      args: { projectId: "projects1", public: true },
    });
    expect(
      await screen.findByRole("button", { name: "Anyone with the address can see it. Address menu" }),
    ).toBeVisible();
  });
});

describe("in the app's place", () => {
  it("true steps while the project is prepared", async () => {
    open(world("project-preparing"), page);
    expect(await screen.findByText("Preparing your project")).toBeVisible();
    const steps = screen.getAllByRole("listitem").map((li) => li.textContent);
    expect(steps.find((s) => s?.startsWith("Create sandbox"))).toMatch(/^Create sandbox, done1\.3 s$/);
    expect(steps.find((s) => s?.startsWith("Copy template"))).toMatch(/^Copy template, under way\d+ s$/);
    expect(steps.find((s) => s?.startsWith("Start dev server"))).toBe("Start dev server, to come");
  });

  it("that the machine is full", async () => {
    const w = world("project-preparing");
    w.projects[0]!.sandbox = { ...w.projects[0]!.sandbox!, waitsFor: "room" };
    open(w, page);
    expect(await screen.findByText(/^Waiting for room: the machine is full\./)).toBeVisible();
  });

  it("what is built first, before any project can start", async () => {
    const w = world("project-empty");
    w.config = { ...w.config, preparing: { step: "Unpacking Node 24" } };
    w.projects[0]!.sandbox = { status: "pending", isInitialized: false };
    open(w, page);
    expect(await screen.findByText("Unpacking Node 24")).toBeVisible();
  });

  it("wakes a sleeping project when its page is opened, and says asleep when it falls asleep later", async () => {
    const w = world("project-asleep");
    open(w, page);
    await waitFor(() =>
      expect(w.server.calls).toContainEqual({ name: "projects:activateProject", args: { projectId: "projects1" } }),
    );
    expect(screen.getByText("The project is asleep.")).toBeVisible();
    expect(screen.getByText("Files and chat are safe.")).toBeVisible();
    expect(screen.getByText("Asleep")).toBeVisible();
    const before = w.server.calls.length;
    await act(async () => screen.getByRole("button", { name: "Wake it" }).click());
    expect(w.server.calls.slice(before)).toContainEqual({
      name: "projects:activateProject",
      args: { projectId: "projects1" },
    });
  });

  it("counts while it wakes, and says when that is long", async () => {
    open(world("project-waking"), page);
    expect(await screen.findByRole("heading", { name: "Waking" })).toBeVisible();
    expect(screen.getByText(/This takes longer than usual\./)).toHaveTextContent(
      /^11 s · This takes longer than usual\.$/,
    );
  });

  it("the engine's reason when the sandbox didn't start", async () => {
    const w = world("sandbox-failed");
    const { user } = open(w, page);
    expect(await screen.findByText("The sandbox didn't start.")).toBeVisible();
    expect(screen.getByText("No space left on the disk of the server.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Copy details" })).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(w.server.calls.at(-1)?.name).toBe("projects:activateProject");
  });

  it("the last lines of a dev server that stopped", async () => {
    const w = world("preview-stopped");
    const { user } = open(w, page);
    expect(await screen.findByText("The dev server stopped.")).toBeVisible();
    expect(screen.getByText("It ended with exit code 1.")).toBeVisible();
    expect(screen.getByText(/Cannot find module 'zod'/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Restart" }));
    expect(w.server.calls.at(-1)?.name).toBe("projects:activateProject");
    await user.click(screen.getByRole("button", { name: "Send to agent" }));
    expect(screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Prompt" }).value).toContain(
      "Cannot find module 'zod'",
    );
  });

  it("that nothing answers, or that the app doesn't build", async () => {
    const w = world("project-empty");
    const dev = (error: string) =>
      act(() => {
        w.projects = w.projects.map((p) => ({
          ...p,
          sandbox: { status: "started", isInitialized: true, devServer: { status: "starting", lastLines: [], error } },
        }));
        w.server.changed();
      });
    open(w, page);
    await screen.findByRole("textbox", { name: "Prompt" });
    dev("Nothing answers on port 3000 yet.");
    expect(await screen.findByText("Nothing answers on port 3000 yet.")).toBeVisible();
    dev("error when starting dev server:\nfailed to load config");
    const view = (await screen.findByText("The app doesn't build.")).parentElement!;
    expect(within(view).getByText(/failed to load config/)).toBeVisible();
  });
});
