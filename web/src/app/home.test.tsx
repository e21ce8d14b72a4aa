import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { takeFirstPrompt } from "@/lib/firstPrompt";
import { refuse } from "@/test/scripted";
import { address, open, violations } from "@/test/render";
import { addCommit, addProject, addRun, makeWorld } from "@/test/world";

const box = () => screen.findByRole("textbox", { name: "What should it do?" });
const demo = { ...makeWorld({ user: null }).config, demo: true };

describe("home", () => {
  it("on a first visit has examples that fill the box and send nothing, and no empty list", async () => {
    const world = makeWorld();
    const { user } = open(world, "/");
    expect(await box()).toHaveFocus();
    const examples = await screen.findByRole("list", { name: "Examples" });
    expect(within(examples).getAllByRole("button")).toHaveLength(3);
    expect(screen.queryByRole("heading", { name: "Projects" })).not.toBeInTheDocument();
    await user.click(within(examples).getAllByRole("button")[0]!);
    expect(await box()).toHaveValue("A page where my team books the meeting room");
    expect(await box()).toHaveFocus();
    expect(world.server.calls).toEqual([]);
    expect(await violations()).toEqual([]);
  });

  it("in demo mode says so and fills the box with what the demo builds", async () => {
    const { user } = open(makeWorld({ config: demo }), "/");
    expect(await screen.findByText("Demo model: plays recorded builds.")).toBeInTheDocument();
    await waitFor(async () => expect(await box()).toHaveValue("Build a todo list. Keep items after a reload, and let me filter by done."));
    await user.click(screen.getByRole("button", { name: "Add a key" }));
    expect(await screen.findByText("ANTHROPIC_API_KEY=sk-ant-…")).toBeInTheDocument();
    expect(await violations()).toEqual([]);
  });

  it("in demo mode offers what the demo builds, with the template that suits it", async () => {
    const world = makeWorld({ config: demo });
    const { user } = open(world, "/");
    await user.click(await screen.findByRole("button", { name: /^Build a page for a small bakery/ }));
    expect(await box()).toHaveValue("Build a page for a small bakery with its opening hours.");
    await user.keyboard("{Enter}");
    await waitFor(() => expect(world.server.calls[0]?.args.templateId).toBe("templates2"));
  });

  it("says while the server still prepares what projects start from", async () => {
    open(makeWorld({ config: { ...demo, preparing: { step: "Installing Node" } } }), "/");
    expect(await screen.findByRole("region", { name: "Preparation" })).toHaveTextContent(
      "Installing Node. Projects may wait for this.",
    );
  });

  it("says why the server couldn't prepare what projects start from", async () => {
    const preparingFailed = { message: "mmdebstrap is not installed.", hint: "It is tried again by itself." };
    open(makeWorld({ config: { ...demo, preparingFailed } }), "/");
    expect(await screen.findByRole("region", { name: "Preparation" })).toHaveTextContent(
      "mmdebstrap is not installed. It is tried again by itself.",
    );
  });

  it("builds: makes the project named by the prompt, opens it and hands the prompt over", async () => {
    const world = makeWorld();
    const { user } = open(world, "/");
    await user.type(await box(), "Build a todo list. Keep items.{Enter}");
    await waitFor(() => expect(address()).toBe("/p/projects1"));
    expect(world.server.calls[0]).toEqual({
      name: "projects:createProject",
      args: { name: "Build a todo list", templateId: "templates1" },
    });
    // The chat of the project page takes it when it is there already.
    const sent = world.server.calls.find((call) => call.name === "sessions:createMessageAndRunAgent");
    expect(sent?.args.prompt ?? takeFirstPrompt("projects1")).toBe("Build a todo list. Keep items.");
    expect(localStorage.getItem("surgent.draft.users1.home")).toBeNull();
    // What comes next is typed into the project's own box.
    await waitFor(() => expect(screen.getByRole("textbox", { name: "Prompt" })).toHaveFocus());
  });

  it("shows the project page at once, before the server has answered", async () => {
    const world = makeWorld();
    world.server.on("projects:createProject", () => new Promise(() => {}));
    const { user } = open(world, "/");
    await user.type(await box(), "Build a todo list{Enter}");
    expect(screen.getByText("Sending")).toBeInTheDocument();
    expect(screen.getByText("Preparing your project")).toBeInTheDocument();
    expect(document.title).toBe("Build a todo list · Surgent");
    expect(await violations()).toEqual([]);
  });

  it("breaks the line on Shift+Enter and builds nothing from an empty box", async () => {
    const world = makeWorld();
    const { user } = open(world, "/");
    await user.type(await box(), "{Enter}one{Shift>}{Enter}{/Shift}two");
    expect(await box()).toHaveValue("one\ntwo");
    expect(world.server.calls).toEqual([]);
  });

  it("keeps the prompt and says why when the server refuses", async () => {
    const world = makeWorld();
    world.server.on("projects:createProject", () => {
      throw refuse("unavailable", "The server is stopping. Try again in a moment.");
    });
    const { user } = open(world, "/");
    await user.type(await box(), "Build it{Enter}");
    expect(await screen.findByText("The server is stopping. Try again in a moment.")).toBeInTheDocument();
    expect(await box()).toHaveValue("Build it");
  });

  it("keeps the draft over a reload", async () => {
    const world = makeWorld();
    const { user, unmount } = open(world, "/");
    await user.type(await box(), "half a thou");
    unmount();
    open(world, "/");
    expect(await box()).toHaveValue("half a thou");
  });

  it("starts a project from a template card without a prompt", async () => {
    const world = makeWorld();
    const { user } = open(world, "/");
    await user.click(await screen.findByRole("button", { name: /^Static page/ }));
    await waitFor(() => expect(address()).toBe("/p/projects1"));
    expect(world.server.calls[0]?.args).toEqual({ name: "Static page", templateId: "templates2" });
    expect(takeFirstPrompt("projects1")).toBeUndefined();
  });

  it("builds from the template that the menu chose", async () => {
    const world = makeWorld();
    const { user } = open(world, "/");
    await user.click(await screen.findByRole("button", { name: /^Template:\s*Web app$/ }));
    await user.click(await screen.findByRole("menuitemradio", { name: /Static page/ }));
    await user.type(await box(), "A bakery{Enter}");
    await waitFor(() => expect(world.server.calls[0]?.args.templateId).toBe("templates2"));
  });

  it("lists projects by their last activity, with checkpoint, work and address", async () => {
    const world = makeWorld();
    const old = addProject(world, { name: "Todo list", _creationTime: Date.now() - 3 * 86_400_000 });
    addCommit(world, old, { version: 2 });
    addRun(world, old);
    addProject(world, {
      name: "Rooms",
      deployment: { status: "deployed", name: "rooms", previewUrl: "http://rooms.localhost:3210" },
    });
    addProject(world, { name: "Broken", sandbox: { status: "error", isInitialized: false, error: "no disk" } });
    open(world, "/");
    const section = await screen.findByRole("region", { name: "Projects" });
    await within(section).findAllByText("Working");
    const rows = within(section).getAllByRole("listitem");
    expect(rows.map((row) => within(row).getAllByRole("link")[0]!.textContent)).toEqual(["Todo list", "Rooms", "Broken"]);
    expect(rows[0]).toHaveTextContent("Checkpoint 2 · 4 minutes ago");
    expect(within(rows[1]!).getAllByRole("link", { name: /rooms.localhost/ })[0]).toHaveAttribute(
      "href",
      "http://rooms.localhost:3210",
    );
    expect(rows[2]).toHaveTextContent("Failed");
    expect(await violations()).toEqual([]);
  });

  it("at the quota replaces Build by the way out and keeps the prompt", async () => {
    const world = makeWorld();
    for (const name of ["One", "Two", "Three"]) addProject(world, { name });
    localStorage.setItem("surgent.draft.users1.home", "the fourth");
    const { user } = open(world, "/");
    expect(await screen.findByText("3 of 3 projects. Delete one to start another.")).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Build" })).not.toBeInTheDocument();
    expect(await box()).toHaveValue("the fourth");
    await user.click(screen.getByRole("button", { name: "Choose" }));
    expect(document.activeElement).toHaveAccessibleName(/^Menu of/);
    expect(await violations()).toEqual([]);
  });

  it("renames a project", async () => {
    const world = makeWorld();
    addProject(world, { name: "Todo list" });
    const { user } = open(world, "/");
    await user.click(await screen.findByRole("button", { name: "Menu of Todo list" }));
    await user.click(await screen.findByRole("menuitem", { name: "Rename" }));
    await user.clear(await screen.findByLabelText("Name"));
    await user.type(screen.getByLabelText("Name"), "Shopping{Enter}");
    expect(await screen.findByRole("link", { name: "Shopping" })).toBeInTheDocument();
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });

  it("deletes a project once its name was typed", async () => {
    const world = makeWorld();
    addProject(world, { name: "Todo list" });
    const { user } = open(world, "/");
    await user.click(await screen.findByRole("button", { name: "Menu of Todo list" }));
    await user.click(await screen.findByRole("menuitem", { name: "Delete" }));
    const dialog = await screen.findByRole("dialog", { name: "Delete “Todo list”?" });
    await user.click(within(dialog).getByRole("button", { name: "Delete" }));
    expect(within(dialog).getByText("This is not “Todo list”.")).toBeInTheDocument();
    expect(world.server.calls).toEqual([]);
    expect(await violations()).toEqual([]);
    await user.type(within(dialog).getByLabelText("Name of the project"), "Todo list{Enter}");
    await waitFor(() => expect(screen.queryByRole("link", { name: "Todo list" })).not.toBeInTheDocument());
    expect(await screen.findByRole("list", { name: "Examples" })).toBeInTheDocument();
    await waitFor(async () => expect(await box()).toHaveFocus());
  });

  it("moves on to the next project when one is deleted", async () => {
    const world = makeWorld();
    addProject(world, { name: "Room booking", _creationTime: 1 });
    addProject(world, { name: "Todo list", _creationTime: 2 });
    const { user } = open(world, "/");
    await user.click(await screen.findByRole("button", { name: "Menu of Todo list" }));
    await user.click(await screen.findByRole("menuitem", { name: "Delete" }));
    await user.type(await screen.findByLabelText("Name of the project"), "Todo list{Enter}");
    await waitFor(() => expect(screen.getByRole("link", { name: "Room booking" })).toHaveFocus());
  });

  it("shows rows in their shape while the projects load", async () => {
    const world = makeWorld();
    world.server.on("projects:listProjects", () => new Promise(() => {}));
    open(world, "/");
    expect(await screen.findByText("Loading projects")).toBeInTheDocument();
    expect(await box()).toBeEnabled();
  });
});
