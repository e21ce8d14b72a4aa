import { act, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { address, open, violations } from "@/test/render";
import { addProject, makeWorld } from "@/test/world";
import { markLeaving } from "./leaving";

afterEach(() => {
  markLeaving(false);
  vi.useRealTimers();
});

const home = () => screen.findByRole("textbox", { name: "What should it do?" });

describe("the line", () => {
  it("lost for 2 s is told, and told again when it is back", async () => {
    const world = makeWorld();
    addProject(world, { name: "Todo list" });
    open(world, "/");
    await home();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    act(() => world.server.setLine(false));
    expect(screen.queryByText(/Connection lost/)).not.toBeInTheDocument();
    act(() => void vi.advanceTimersByTime(2000));
    expect(screen.getByText("Connection lost. Trying again…")).toBeInTheDocument();
    expect(screen.getByRole("link", { name: "Todo list" })).toBeInTheDocument();
    const tried = vi.fn();
    window.addEventListener("online", tried, { once: true });
    screen.getByRole("button", { name: "Try now" }).click();
    expect(tried).toHaveBeenCalled();
    act(() => world.server.setLine(true));
    expect(screen.getByText("Back online")).toBeInTheDocument();
    act(() => void vi.advanceTimersByTime(2000));
    expect(screen.queryByText("Back online")).not.toBeInTheDocument();
  });

  it("lost for a moment is not worth a word", async () => {
    const world = makeWorld();
    open(world, "/");
    await home();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    act(() => world.server.setLine(false));
    act(() => void vi.advanceTimersByTime(1500));
    act(() => world.server.setLine(true));
    act(() => void vi.advanceTimersByTime(1000));
    expect(screen.queryByText(/Connection|Back online/)).not.toBeInTheDocument();
  });

  it.each([
    ["is told, though the line seems open", () => Promise.reject(new Error("offline")), 1],
    ["is nothing where the server is on this machine", () => Promise.resolve(new Response("ok")), 0],
  ])("no network %s", async (_, healthz, told) => {
    vi.stubGlobal("fetch", healthz);
    vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
    open(makeWorld(), "/");
    await home();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    await act(async () => void window.dispatchEvent(new Event("offline")));
    await act(() => vi.advanceTimersByTimeAsync(2000));
    expect(screen.queryAllByText("Connection lost. Trying again…")).toHaveLength(told);
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });
});

it("a server that doesn't answer at all is told on the first page as well", async () => {
  const world = makeWorld();
  world.server.setLine(false);
  world.server.setAuth = () => {};
  open(world, "/");
  expect(await screen.findByText("Connection lost. Trying again…")).toBeInTheDocument();
});

describe("a session that ends under the page", () => {
  it("asks to sign in again and keeps the page and what was typed", async () => {
    const world = makeWorld();
    addProject(world, { name: "Todo list" });
    const { user } = open(world, "/");
    await user.type(await home(), "half a thought");
    await screen.findByText("Todo list");
    act(() => world.server.expire());
    const dialog = await screen.findByRole("dialog", { name: "Please sign in again" });
    expect(screen.getByText("Todo list")).toBeInTheDocument();
    expect(within(dialog).getByLabelText("Email")).toHaveValue("mara.klein@example.com");
    expect(within(dialog).getByLabelText("Password")).toHaveFocus();
    expect(await violations()).toEqual([]);
    await user.keyboard("{Escape}");
    expect(screen.getByRole("dialog")).toBeInTheDocument();
    await user.type(within(dialog).getByLabelText("Password"), "a long password{Enter}");
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(await home()).toHaveValue("half a thought");
    expect(address()).toBe("/");
  });
});

describe("signing out", () => {
  it("in another tab leads to the sign-in page here too, and not back to what was open", async () => {
    const world = makeWorld();
    open(world, "/settings");
    await screen.findByRole("button", { name: "Sign out" });
    // What the other tab's sign-out leaves in the browser before the session goes.
    localStorage.setItem("surgent.left", "1");
    act(() => world.server.expire());
    expect(await screen.findByRole("heading", { name: "Sign in to Surgent" })).toBeInTheDocument();
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    expect(address()).toBe("/sign-in");
  });

  it("is forgotten once somebody signs in: a session that ends later is asked for again", async () => {
    localStorage.setItem("surgent.left", "1");
    const world = makeWorld();
    open(world, "/settings");
    await screen.findByRole("button", { name: "Sign out" });
    act(() => world.server.expire());
    expect(await screen.findByRole("dialog", { name: "Please sign in again" })).toBeInTheDocument();
  });

  it("goes to the sign-in page without a way back to what was open", async () => {
    const { user } = open(makeWorld(), "/settings");
    await user.click(await screen.findByRole("button", { name: "Sign out" }));
    expect(await screen.findByRole("heading", { name: "Sign in to Surgent" })).toBeInTheDocument();
  });

  it("says that drafts go, and removes them", async () => {
    const world = makeWorld();
    localStorage.setItem("surgent.draft.users1.home", "half a thought");
    const { user } = open(world, "/");
    await home();
    await user.click(screen.getByRole("button", { name: "MK, account of mara.klein@example.com" }));
    await user.click(await screen.findByRole("menuitem", { name: "Sign out" }));
    const dialog = await screen.findByRole("dialog", { name: "Sign out?" });
    expect(dialog).toHaveAccessibleDescription("What you typed and have not sent is removed from this browser.");
    await user.click(within(dialog).getByRole("button", { name: "Sign out" }));
    await screen.findByRole("heading", { name: "Sign in to Surgent" });
    expect(localStorage.getItem("surgent.draft.users1.home")).toBeNull();
  });

  it("warns a guest", async () => {
    const world = makeWorld({ user: { _id: "users9", _creationTime: 0, isAnonymous: true } });
    const { user } = open(world, "/");
    await home();
    await user.click(screen.getByRole("button", { name: "Account of Guest" }));
    expect(await screen.findByText("Your work is kept in this browser only.")).toBeInTheDocument();
    await user.click(screen.getByRole("menuitem", { name: "Sign out" }));
    expect(await screen.findByRole("dialog", { name: "Sign out?" })).toBeInTheDocument();
    expect(world.server.calls).toEqual([]);
  });
});

describe("addresses", () => {
  it("of a foreign, missing or malformed project read the same", async () => {
    const world = makeWorld();
    const { user } = open(world, "/p/projects77");
    expect(
      await screen.findByRole("heading", { name: "There is no such project, or it isn't yours." }),
    ).toBeInTheDocument();
    expect(await violations()).toEqual([]);
    await user.click(screen.getByRole("link", { name: "Go to projects" }));
    expect(await home()).toBeInTheDocument();
  });

  it("whose id the server refuses read the same too", async () => {
    const world = makeWorld();
    world.server.on("projects:getProject", () => {
      throw new Error("[Request ID: 00] Server Error\nArgumentValidationError: Value does not match validator.");
    });
    open(world, "/p/nonsense");
    expect(
      await screen.findByRole("heading", { name: "There is no such project, or it isn't yours." }),
    ).toBeInTheDocument();
  });

  it("are not called missing when the server fails", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const world = makeWorld();
    world.server.on("projects:getProject", () => {
      throw new Error("[Request ID: 0f1e2d] Server Error");
    });
    open(world, "/p/projects1");
    expect(await screen.findByText("This part failed.")).toBeInTheDocument();
    expect(screen.getByText("0f1e2d")).toBeInTheDocument();
  });

  it("that lead nowhere say so", async () => {
    open(makeWorld(), "/admin/things");
    expect(await screen.findByRole("heading", { name: "There is no such page." })).toBeInTheDocument();
  });

  it.each([
    ["/dashboard", "/"],
    ["/project?id=projects1", "/p/projects1"],
    ["/project", "/"],
  ])("of old, %s, lead to %s", async (old, now) => {
    const world = makeWorld();
    addProject(world);
    open(world, old);
    await waitFor(() => expect(address()).toMatch(new RegExp(`^${now}($|\\?)`)));
  });
});

describe("account", () => {
  it("changes the theme at once and keeps it", async () => {
    const { user } = open(makeWorld(), "/settings");
    await user.click(await screen.findByRole("radio", { name: "Dark" }));
    expect(document.documentElement.dataset.theme).toBe("dark");
    expect(localStorage.getItem("surgent.theme")).toBe("dark");
    await user.click(screen.getByRole("radio", { name: "System" }));
    expect(document.documentElement.dataset.theme).toBeUndefined();
    expect(await violations()).toEqual([]);
  });
});

describe("what screen readers are told", () => {
  it("is chosen in the account and kept", async () => {
    const { user } = open(makeWorld(), "/settings");
    const choice = within(await screen.findByRole("group", { name: "Screen reader" }));
    expect(choice.getByRole("radio", { name: "Answers and steps" })).toBeChecked();
    await user.click(choice.getByRole("radio", { name: "Answers" }));
    expect(localStorage.getItem("surgent.spoken")).toBe("answers");
  });
});

describe("keys", () => {
  it("? lists them, and single letters can be switched off", async () => {
    const { user } = open(makeWorld(), "/settings");
    await screen.findByRole("radio", { name: "Dark" });
    await user.keyboard("?");
    expect(await screen.findByRole("dialog", { name: "Keys" })).toHaveTextContent("List of keys");
    await user.keyboard("{Escape}");
    await user.click(screen.getAllByRole("radio", { name: "Off" })[0]!);
    await user.keyboard("?");
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
  });
});
