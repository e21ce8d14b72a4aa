import { act, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { projectWorlds } from "@/test/projectWorlds";
import { open, violations } from "@/test/render";
import { refuse } from "@/test/scripted";
import type { World } from "@/test/world";

const page = "/p/projects1";
const world = (name: string): World => projectWorlds[name]!();

async function dialog(w: World) {
  const opened = open(w, page);
  await opened.user.click(await screen.findByRole("button", { name: /^Deploy/ }));
  return { ...opened, box: within(await screen.findByRole("dialog", { name: "Deploy “Todo list”" })) };
}

describe("choosing a name", () => {
  it("proposes one and shows the address as it will be", async () => {
    const { box, user } = await dialog(world("deploy-form"));
    const name = box.getByRole("textbox", { name: "Address" });
    expect(name).toHaveValue("todo-list");
    expect(box.getByText(".localhost:3210")).toBeVisible();
    expect(box.getByText("Takes the files of checkpoint 1.")).toBeVisible();
    await user.clear(name);
    await user.type(name, "a_b");
    expect(await box.findByText("Letters, digits and hyphens, 3 to 40.")).toBeVisible();
    await user.clear(name);
    await user.type(name, "taken");
    expect(await box.findByText("Taken.")).toBeVisible();
  });

  it("says which rule a name breaks, and blames an empty field only when it is sent", async () => {
    const w = world("deploy-form");
    const { box, user } = await dialog(w);
    const name = box.getByRole("textbox", { name: "Address" });
    await user.clear(name);
    await user.type(name, "-a-b-");
    expect(await box.findByText("Begins with a letter.")).toBeVisible();
    await user.clear(name);
    await user.type(name, "a-b-");
    expect(await box.findByText("Ends with a letter or a digit.")).toBeVisible();
    await user.clear(name);
    expect(name).toBeValid();
    expect(box.queryByText(/letter/i)).toBeNull();
    await user.click(box.getByRole("button", { name: "Deploy" }));
    expect(box.getByText("Letters, digits and hyphens, 3 to 40.")).toBeVisible();
    expect(name).toBeInvalid();
    expect(w.server.calls.filter((c) => c.name === "projects:deployProject")).toEqual([]);
  });

  it("says on a lost line that it waits, and for what", async () => {
    const w = world("deploy-form");
    const { box, user } = await dialog(w);
    act(() => w.server.setLine(false));
    expect(
      await box.findByText("The connection is lost. A deployment that you start now waits for it."),
    ).toBeVisible();
    w.server.on("projects:deployProject", () => new Promise(() => {}));
    await user.click(box.getByRole("button", { name: "Deploy" }));
    expect(box.getByText("The connection is lost. The deployment starts when it is back.")).toBeVisible();
    expect(box.getByRole("button", { name: "Waiting" })).toBeVisible();
  });

  it("says why the server refused it", async () => {
    const w = world("deploy-form");
    w.server.on("projects:deployProject", () => refuse("name_reserved", "This name is reserved."));
    const { box, user } = await dialog(w);
    await user.click(box.getByRole("button", { name: "Deploy" }));
    expect(await box.findByText("Reserved.")).toBeVisible();
    expect(w.server.calls.at(-1)).toEqual({
      name: "projects:deployProject",
      args: { projectId: "projects1", deployName: "todo-list" },
    });
  });

  it("says so when a run is changing files", async () => {
    const { box } = await dialog(world("project-thinking"));
    expect(box.getByText("The agent is changing files. This deploys them as they are now.")).toBeVisible();
  });
});

describe("a deployment", () => {
  it("under way shows its steps, and the header tells when the dialog is closed", async () => {
    const { box, user } = await dialog(world("deploy-running"));
    const steps = box.getAllByRole("listitem").map((li) => li.textContent);
    expect(steps[0]).toBe("Queued0.2 s");
    expect(steps[1]).toBe("Built6.2 s");
    expect(steps[3]).toMatch(/^Uploading\d+ s$/);
    await user.click(box.getAllByRole("button", { name: "Close" })[0]!);
    expect(await screen.findByRole("button", { name: "Deploying…" })).toBeVisible();
  });

  it("that failed has its step in red, the last lines and two ways on; the old one stays live", async () => {
    const w = world("deploy-failed");
    const { box, user } = await dialog(w);
    expect(box.getByText("Build failed")).toBeVisible();
    expect(box.getByText("The build failed: bun run build ended with exit code 1.")).toBeVisible();
    expect(box.getByText("The version of checkpoint 1 stays live.")).toBeVisible();
    expect(box.getByText(/error TS2322/)).toBeVisible();
    expect(box.getByRole("link", { name: "todo-list.localhost:3210" })).toBeVisible();
    expect(box.getByRole("button", { name: "Try again" })).toBeVisible();
    await user.click(box.getByRole("button", { name: "Send to agent" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Prompt" }).value).toContain("error TS2322");
  });

  it("that went live gives link, time and checkpoint", async () => {
    const { box } = await dialog(world("deploy-live"));
    expect(box.getByText("Took 9 s · checkpoint 1")).toBeVisible();
    expect(box.getByRole("link", { name: "Open" })).toHaveAttribute("href", "http://todo-list.localhost:3210");
    expect(box.getByRole("button", { name: "Copy" })).toBeVisible();
  });

  it("that went live lets its owner read what the app writes", async () => {
    const w = world("deploy-live");
    const logs = ["asked GET\n", "asked GET\nUncaught TypeError: kaboom\n"];
    w.server.on("deployments:appLog", () => ({ log: logs.shift() ?? "" }));
    const { box, user } = await dialog(w);
    await user.click(box.getByRole("button", { name: "App log" }));
    expect(await box.findByText("asked GET")).toBeVisible();
    await user.click(box.getByRole("button", { name: "Read again" }));
    expect(await box.findByText(/Uncaught TypeError: kaboom/)).toBeVisible();
    await user.click(box.getByRole("button", { name: "Read again" }));
    expect(await box.findByText(/^Nothing yet\./)).toBeVisible();
    expect(await violations()).toEqual([]);
    await user.click(box.getByRole("button", { name: "App log" }));
    expect(box.queryByLabelText("Log of the app")).toBeNull();
  });

  it("asked for here shows up when the server knows it", async () => {
    const w = world("deploy-form");
    const { box, user } = await dialog(w);
    await user.click(box.getByRole("button", { name: "Deploy" }));
    expect(box.getByRole("button", { name: "Deploying…" })).toBeVisible();
    act(() => {
      w.deployments = world("deploy-running").deployments;
      w.server.changed();
    });
    expect(await box.findByText("Uploading")).toBeVisible();
  });

  it.each(["deploy-form", "deploy-failed", "deploy-live"])("axe finds nothing in %s", async (name) => {
    await dialog(world(name));
    expect(await violations()).toEqual([]);
  });
});
