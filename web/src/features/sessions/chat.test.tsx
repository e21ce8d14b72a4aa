import { act, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { addRows, call, outcome, projectWorlds, result, says } from "@/test/projectWorlds";
import { open, violations } from "@/test/render";
import { refuse } from "@/test/scripted";
import { addCommit, addProject, addRun, makeWorld, type World } from "@/test/world";

const page = "/p/projects1";

function world(name: string): World {
  return projectWorlds[name]!();
}

const feed = () => screen.findByRole("feed");

beforeEach(() => {
  vi.stubGlobal("scrollTo", () => {});
});

describe("what the agent does", () => {
  it("shows steps in words, and their details when opened", async () => {
    const { user } = open(world("project-steps-open"), page);
    const list = within(await feed());
    expect(list.getByRole("button", { name: "Edited src/index.css, 2 lines added, 1 removed, done" })).toHaveAttribute(
      "aria-expanded",
      "true",
    );
    const changed = list.getByRole("group", { name: "Changed lines" });
    expect(changed).toHaveTextContent("removed − width: 640px;added + width: min(640px, 100%);");
    const run = list.getByRole("button", { name: "Running bun run lint, running" });
    expect(run).toHaveAttribute("aria-expanded", "false");
    await user.click(run);
    expect(await list.findByText("checking src/list/Filter.tsx", { exact: false })).toBeVisible();
  });

  it("folds older steps into a line that counts them", async () => {
    const { user } = open(world("project-many-steps"), page);
    const list = within(await feed());
    const line = list.getByRole("button", { name: /4 steps.*3 read · 1 edited/ });
    expect(list.queryByRole("button", { name: /Part2/ })).toBeNull();
    await user.click(line);
    expect(list.getByRole("button", { name: /Read src\/list\/Part2.tsx/ })).toBeVisible();
  });

  it("unfolds a failing command and names failed steps", async () => {
    open(world("project-failing-command"), page);
    const list = within(await feed());
    expect(list.getByRole("button", { name: "Ran bun run build, exit code 1, failed" })).toHaveAttribute(
      "aria-expanded",
      "true",
    );
    expect(list.getByText(/Type 'string' is not assignable/)).toBeVisible();
    expect(list.getByText("exit 1 · 4.1 s")).toBeVisible();
    expect(list.getByText("Edit failed")).toBeVisible();
    expect(list.getByText("String to replace not found in file.")).toBeVisible();
    expect(list.getByText("3 files")).toBeVisible();
  });

  it("never makes HTML or a request of what the agent writes", async () => {
    open(world("project-done"), page);
    const list = within(await feed());
    expect(await list.findByRole("button", { name: /^Image from evil\.example/ })).toBeVisible();
    expect(list.getByText("<script>alert(1)</script>", { exact: false })).toBeVisible();
    expect(document.querySelector("img, script[src*=evil]")).toBeNull();
    expect(list.getByText("(developer.mozilla.org)")).toBeVisible();
  });

  it("opens a path of the text in Files", async () => {
    const { user } = open(world("project-done"), page);
    await user.click(await within(await feed()).findByRole("button", { name: "src/App.tsx:4" }));
    expect(window.location.search).toContain("tab=files&file=src/App.tsx&line=4");
  });
});

describe("live text", () => {
  it("becomes the stored row without losing its element", async () => {
    const w = world("project-thinking");
    open(w, page);
    const list = await feed();
    const run = w.runs[0]!;
    const write = (tail: string) =>
      act(() => {
        w.heads[run._id] = {
          messageId: "msg_x",
          blockIndex: 0,
          kind: "text",
          closed: 0,
          tail,
          blocks: [{ index: 0, kind: "text", closed: 0 }],
          startedAt: 0,
        };
        w.server.changed();
      });
    write("First paragraph.\n\nSec");
    const first = await within(list).findByText("First paragraph.");
    const article = first.closest("article")!;
    const finished = new Set<Node>([...list.querySelectorAll("article, p")]);
    const removed: Node[] = [];
    const observer = new MutationObserver((changes) => changes.forEach((c) => removed.push(...c.removedNodes)));
    observer.observe(list, { childList: true, subtree: true });
    write("First paragraph.\n\nSecond one, with `code`.");
    act(() => {
      w.heads[run._id] = null;
      addRows(w, run, [
        {
          type: "assistant",
          message: { id: "msg_x", content: [{ type: "text", text: "First paragraph.\n\nSecond one, with `code`." }] },
        },
      ]);
      w.server.changed();
    });
    await act(() => Promise.resolve());
    expect(first.isConnected && first.closest("article") === article).toBe(true);
    expect(within(list).getAllByText("First paragraph.")).toHaveLength(1);
    expect(removed.filter((n) => finished.has(n) && n.textContent !== "Thinking")).toEqual([]);
    observer.disconnect();
  });

  it("says Thinking with seconds while nothing comes", async () => {
    open(world("project-thinking"), page);
    expect(await within(await feed()).findByText("Thinking")).toBeVisible();
    expect(screen.getByText(/^Working/)).toHaveTextContent(/Working · 0:2\d/);
    await waitFor(() => expect(document.title).toBe("● Todo list · Surgent"));
  });
});

describe("how a run stands", () => {
  it("waits for the model, and says that this is free", async () => {
    open(world("project-retry"), page);
    expect(await screen.findByText(/^The model is busy. Trying again in \d s$/)).toBeVisible();
    expect(screen.getByText("Attempt 2 of 6. Waiting costs nothing.")).toBeVisible();
    expect(screen.getByText(/^Waiting/)).toBeVisible();
  });

  it("was stopped: says so, and what was cut off", async () => {
    open(world("project-stopped"), page);
    const list = within(await feed());
    expect(list.getByText("Stopped by you")).toBeVisible();
    expect(list.getByText("cut off here")).toBeVisible();
  });

  it("failed: the cause, what is safe, and the way on", async () => {
    const w = world("project-failed");
    w.server.on("sessions:createMessageAndRunAgent", () => ({ sessionId: "sessions1" }));
    const { user } = open(w, page);
    expect(await screen.findByText("The model key was refused. Check ANTHROPIC_API_KEY.")).toBeVisible();
    expect(screen.getByText("Files and chat are safe.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Copy details" })).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(w.server.calls.at(-1)).toMatchObject({
      name: "sessions:createMessageAndRunAgent",
      args: { prompt: "Make it work on my phone, and add a dark theme.", mode: "code" },
    });
  });

  it("failed because the session is full: only a new one helps, and the prompt goes along", async () => {
    const w = world("project-failed");
    const words = "This session is too long for the model now. Its files are safe: go on in a new session.";
    w.runs[0]!.error = { code: "too_long", message: words };
    w.server.on("sessions:createSession", () => {
      w.sessions = [{ ...w.sessions[0]!, _id: "sessions9", _creationTime: Date.now(), title: "New session" }, ...w.sessions];
      return "sessions9";
    });
    const { user } = open(w, page);
    expect(await screen.findByText(words)).toBeVisible();
    expect(screen.queryByRole("button", { name: "Try again" })).toBeNull();
    await user.click(screen.getByRole("button", { name: "New session" }));
    await screen.findByRole("button", { name: "Session: New session" });
    const box = screen.getByRole("textbox", { name: "Prompt" });
    expect(box).toHaveValue("Make it work on my phone, and add a dark theme.");
    await waitFor(() => expect(box).toHaveFocus());
    expect(window.location.search).toBe("?s=sessions9");
  });

  it("ended: checkpoint, time, tokens, money", async () => {
    open(world("project-done"), page);
    const list = within(await feed());
    expect(list.getByText("Checkpoint 2")).toBeVisible();
    expect(list.getByText("b81d04a")).toBeVisible();
    expect(
      list.getByRole("article", { name: "Result: 48 s, 6 steps, 31.2k tokens (28.1k cached), $0.084" }),
    ).toBeVisible();
    expect(
      list.getByRole("article", { name: "Result: 48 s, 3 steps, 31.2k tokens (28.1k cached), $0.084" }),
    ).toBeVisible();
  });

  it("ended without changes: a footer and no card", async () => {
    const w = makeWorld();
    const project = addProject(w);
    const run = addRun(w, project, { status: "succeeded", mode: "ask" });
    addRows(w, run, ["What is this?", says("A todo list."), outcome()]);
    open(w, page);
    expect(await screen.findByText("No files changed")).toBeVisible();
    expect(screen.queryByText(/^Checkpoint/)).toBeNull();
  });

  it("was picked up after a restart", async () => {
    const w = world("project-thinking");
    addRows(w, w.runs[0]!, [says("Half of it.")]);
    w.runs[0]!.resumedAt = Date.now();
    open(w, page);
    expect(await screen.findAllByRole("article", { name: "Picked up after a restart" })).toHaveLength(1);
  });

  it("keeps a denied step in sight", async () => {
    const w = world("project-thinking");
    addRows(w, w.runs[0]!, [
      says(call("w1", "Write", { file_path: "/workspace/a.ts" })),
      result("w1", "Not allowed in Ask.", undefined, true),
    ]);
    open(w, page);
    expect(await screen.findByText("Not allowed in Ask")).toBeVisible();
  });
});

describe("the plan", () => {
  it("stands on the prompt box and opens to the list", async () => {
    const { user } = open(world("project-steps-open"), page);
    const bar = await screen.findByRole("button", { name: "Plan, 2 of 4 done, now: Check at 375 px" });
    expect(bar).toHaveTextContent("2 of 4");
    await user.click(bar);
    expect(bar).toHaveAttribute("aria-expanded", "true");
    expect(screen.getByText("Dark theme by media query")).toBeVisible();
  });

  it("stays in the run as a line when that has ended", async () => {
    open(world("project-done"), page);
    expect(await screen.findByRole("button", { name: "Plan 2 of 4" })).toBeVisible();
  });
});

describe("the prompt box", () => {
  it("sends with Enter, breaks with Shift+Enter, and shows Sending at once", async () => {
    const w = world("project-empty");
    let arrive = (_: unknown) => {};
    w.server.on("sessions:createMessageAndRunAgent", () => new Promise((resolve) => (arrive = resolve)));
    const { user } = open(w, page);
    const box = await screen.findByRole("textbox", { name: "Prompt" });
    await user.type(box, "One{Shift>}{Enter}{/Shift}two");
    expect(box).toHaveValue("One\ntwo");
    await user.keyboard("{Enter}");
    expect(box).toHaveValue("");
    expect(box).toHaveFocus();
    expect(screen.getByText("Sending")).toBeVisible();
    await act(async () => arrive({ sessionId: "sessions1" }));
    expect(screen.queryByText("Sending")).toBeNull();
  });

  it("gives a refused prompt back with the reason", async () => {
    const w = world("project-empty");
    w.server.on("sessions:createMessageAndRunAgent", () => refuse("conflict", "The project is being deleted."));
    const { user } = open(w, page);
    const box = await screen.findByRole("textbox", { name: "Prompt" });
    await user.type(box, "Build it{Enter}");
    expect(await screen.findByText("The project is being deleted.")).toBeVisible();
    expect(box).toHaveValue("Build it");
  });

  it("gives a prompt back that a reload met on its way, unless it has arrived", async () => {
    const w = world("project-empty");
    w.server.on("sessions:createMessageAndRunAgent", () => new Promise(() => {}));
    const first = open(w, page);
    const box = await screen.findByRole("textbox", { name: "Prompt" });
    await first.user.type(box, "Lost one{Enter}");
    await first.user.type(box, "Build a todo list. Keep items after a reload, and let me filter by done.{Enter}");
    first.unmount();
    open(world("project-asleep"), page);
    await feed();
    await waitFor(() => expect(screen.getByRole("textbox", { name: "Prompt" })).toHaveValue("Lost one"));
  });

  it("keeps a draft over a reload", async () => {
    const first = open(world("project-empty"), page);
    await first.user.type(await screen.findByRole("textbox", { name: "Prompt" }), "half a thought");
    first.unmount();
    open(world("project-empty"), page);
    expect(await screen.findByRole("textbox", { name: "Prompt" })).toHaveValue("half a thought");
  });

  it("asks without changing: another placeholder and mode", async () => {
    const w = world("project-empty");
    w.server.on("sessions:createMessageAndRunAgent", () => ({ sessionId: "sessions1" }));
    const { user } = open(w, page);
    await user.click(await screen.findByRole("radio", { name: "Ask" }));
    await user.type(screen.getByPlaceholderText("Ask about the code. Nothing is changed."), "Why?{Enter}");
    expect(w.server.calls.at(-1)?.args).toMatchObject({ mode: "ask", prompt: "Why?" });
  });

  it("shows waiting prompts in order", async () => {
    open(world("project-queue"), page);
    const list = await screen.findByRole("list", { name: "Prompts that wait" });
    expect(
      within(list)
        .getAllByRole("listitem")
        .map((li) => li.textContent),
    ).toEqual([
      "Then add a licence fileNext",
      "And write the README, with a picture of the list and how to start itAfter 1 other",
    ]);
    expect(screen.getByPlaceholderText("Add to this run…")).toBeVisible();
  });

  it("says what a first prompt waits for", async () => {
    open(world("project-preparing"), page);
    expect(await screen.findByText("Starts when the sandbox is ready")).toBeVisible();
  });

  it("stops by its button, and says Stopping at once", async () => {
    const w = world("project-thinking");
    w.server.on("sessions:stopAgent", () => null);
    const { user } = open(w, page);
    await user.click(await screen.findByRole("button", { name: "Stop" }));
    expect(w.server.calls.at(-1)).toEqual({ name: "sessions:stopAgent", args: { sessionId: "sessions1" } });
    expect(screen.getByRole("button", { name: "Stopping" })).toBeVisible();
  });

  it("stops by Esc pressed twice", async () => {
    const w = world("project-thinking");
    w.server.on("sessions:stopAgent", () => null);
    const { user } = open(w, page);
    await user.click(await screen.findByRole("textbox", { name: "Prompt" }));
    await user.keyboard("{Escape}");
    expect((await screen.findAllByText("Esc again stops the run"))[0]).toBeInTheDocument();
    expect(w.server.calls.map((c) => c.name)).not.toContain("sessions:stopAgent");
    await user.keyboard("{Escape}");
    expect(w.server.calls.at(-1)?.name).toBe("sessions:stopAgent");
  });
});

describe("by keyboard and reader", () => {
  const said = () => screen.getAllByRole("status").map((s) => s.textContent);

  it("says whole sentences of what happens, and alerts only for what failed", async () => {
    const w = world("project-thinking");
    open(w, page);
    await feed();
    const run = w.runs[0]!;
    act(() => {
      addRows(w, run, [says("I look at the page first. ".repeat(30))]);
      w.server.changed();
    });
    await waitFor(() => expect(said()).toContain("I look at the page first. 174 more words"));
    act(() => {
      const rows = addRows(w, run, [outcome()]);
      w.runs = w.runs.map((r) => (r._id === run._id ? { ...r, status: "succeeded", endedAt: Date.now() } : r));
      addCommit(w, w.projects[0]!, { messageId: rows[0]!._id, version: 2 });
      w.server.changed();
    });
    await waitFor(() => expect(said()).toContain("Done: 5 files changed, checkpoint 2"));
    expect(screen.getAllByRole("alert").map((a) => a.textContent)).toEqual([""]);
  });

  it("says the last words and the end where both come at once", async () => {
    const w = world("project-thinking");
    open(w, page);
    await feed();
    act(() => {
      const run = w.runs[0]!;
      addRows(w, run, [says("It shows one field."), outcome()]);
      w.runs = w.runs.map((r) => (r._id === run._id ? { ...r, status: "succeeded", endedAt: Date.now() } : r));
      w.server.changed();
    });
    await waitFor(() => expect(said()).toContain("It shows one field. Done: no files changed"));
  });

  it("leaves out steps, or all but failures, where somebody chose so", async () => {
    localStorage.setItem("surgent.spoken", "answers");
    const w = world("project-thinking");
    open(w, page);
    await feed();
    const write = (...rows: unknown[]) =>
      act(() => {
        addRows(w, w.runs[0]!, rows);
        w.server.changed();
      });
    write(says(call("r1", "Read", { file_path: "/workspace/a.ts" })), result("r1", "one line"));
    expect(said().join()).not.toContain("Read a.ts");
    write(says("It is a short file."));
    await waitFor(() => expect(said()).toContain("It is a short file."));
    localStorage.setItem("surgent.spoken", "off");
    write(says("There is nothing to do."));
    expect(said()).not.toContain("There is nothing to do.");
  });

  it("says at once that a run failed", async () => {
    const w = world("project-thinking");
    open(w, page);
    await feed();
    const run = w.runs[0]!;
    act(() => {
      addRows(w, run, [outcome({ subtype: "error_api", is_error: true, errors: ["The model is gone."] })]);
      w.runs = w.runs.map((r) =>
        r._id === run._id
          ? { ...r, status: "failed", error: { code: "unavailable", message: "The model is gone." } }
          : r,
      );
      w.server.changed();
    });
    await waitFor(() =>
      expect(screen.getAllByRole("alert").map((a) => a.textContent)).toEqual(["Failed: The model is gone."]),
    );
  });

  it("has a name of its own beside a project that the same prompt named", async () => {
    const w = world("project-done");
    const prompt = "Build a todo list. Keep items after a reload, and let me filter by done.";
    w.projects[0]!.name = "Build a todo list";
    w.sessions = [{ ...w.sessions[0]!, title: prompt }];
    const { user } = open(w, page);
    await user.click(await screen.findByRole("button", { name: "Session: Session 1" }));
    expect(await screen.findByRole("menuitemradio", { name: new RegExp(`^Session 1.*${prompt}`) })).toBeVisible();
  });

  it("is begun from the menu, and the caret stands in its prompt box", async () => {
    const w = world("project-done");
    w.server.on("sessions:createSession", () => {
      w.sessions = [{ ...w.sessions[0]!, _id: "sessions9", _creationTime: Date.now(), title: "New session" }, ...w.sessions];
      return "sessions9";
    });
    const { user } = open(w, page);
    await user.click(await screen.findByRole("button", { name: /^Session: / }));
    await user.click(await screen.findByRole("menuitem", { name: "New session" }));
    await screen.findByRole("button", { name: "Session: New session" });
    await waitFor(() => expect(screen.getByRole("textbox", { name: "Prompt" })).toHaveFocus());
  });

  it("that the server refuses to begin says why", async () => {
    const w = world("project-done");
    w.server.on("sessions:createSession", () => refuse("unavailable", "The server is stopping. Try again in a moment."));
    const { user } = open(w, page);
    await user.click(await screen.findByRole("button", { name: /^Session: / }));
    await user.click(await screen.findByRole("menuitem", { name: "New session" }));
    expect(await screen.findByText("The server is stopping. Try again in a moment.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Close" }));
    expect(screen.queryByText("The server is stopping. Try again in a moment.")).toBeNull();
  });

  it("stays in the session that it opened when a newer one is made elsewhere", async () => {
    const w = world("project-done");
    open(w, page);
    const list = await feed();
    act(() => {
      const newer = { ...w.sessions[0]!, _id: "sessions9", _creationTime: Date.now() + 1000, title: "Other" };
      w.sessions = [newer, ...w.sessions];
      w.server.changed();
    });
    expect(await feed()).toBe(list);
    expect(screen.getByRole("button", { name: "Session: First version" })).toBeVisible();
  });

  it("is one tab stop, moved by arrows, and ends the list at the newest row", async () => {
    const { user } = open(world("project-done"), page);
    const list = await feed();
    await waitFor(() => expect(list.querySelectorAll('[tabindex="0"]').length).toBeGreaterThan(0));
    const rows = [...list.querySelectorAll<HTMLElement>("[data-row]")];
    expect(rows.filter((r) => r.tabIndex === 0)).toEqual([rows.at(-1)]);
    act(() => rows.at(-1)!.focus());
    await user.keyboard("{ArrowUp}");
    expect(document.activeElement).toBe(rows.at(-2));
    await user.keyboard("{Home}");
    expect(document.activeElement).toBe(rows[0]);
    await user.keyboard("{PageDown}");
    expect(document.activeElement).toHaveAccessibleName("Prompt: Make it work on my phone, and add a dark theme.");
  });

  it("has the newest row as its stop while the focus is elsewhere, and leaves a focused one alone", async () => {
    const w = world("project-thinking");
    open(w, page);
    const list = await feed();
    const rows = () => [...list.querySelectorAll<HTMLElement>("[data-row]")];
    const stops = () => rows().filter((r) => r.tabIndex === 0);
    const write = (text: string) =>
      act(() => {
        addRows(w, w.runs[0]!, [says(text)]);
        w.server.changed();
      });
    write("The first words.");
    await within(list).findByText("The first words.");
    await waitFor(() => expect(stops()).toEqual([rows().at(-1)]));
    const before = rows().length;
    write("The next words.");
    await waitFor(() => expect(rows().length).toBeGreaterThan(before));
    await waitFor(() => expect(stops()).toEqual([rows().at(-1)]));
    const here = rows()[1]!;
    act(() => here.focus());
    write("The last words.");
    await within(list).findByText("The last words.");
    expect(stops()).toEqual([here]);
  });

  it.each([
    "project-done",
    "project-failing-command",
    "project-queue",
    "project-failed",
    "project-preparing",
    "preview-error",
  ])("axe finds nothing in %s", async (name) => {
    open(world(name), page);
    await screen.findByRole("textbox", { name: "Prompt" });
    await waitFor(() => expect(screen.queryByText(/^Loading/)).toBeNull());
    expect(await violations()).toEqual([]);
  });
});
