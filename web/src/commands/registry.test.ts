import { describe, expect, it, vi } from "vitest";
import { setSingleKeys, showKeys } from "./keys";
import { type Command, Registry } from "./registry";

function setup(...commands: Partial<Command>[]) {
  const registry = new Registry();
  const runs = commands.map((command, i) => {
    const run = vi.fn();
    registry.add({ id: `c${i}`, title: `Command ${i}`, group: "Page", run, ...command });
    return run;
  });
  const press = (key: string, init: KeyboardEventInit = {}, target: HTMLElement = document.body) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init });
    Object.defineProperty(event, "target", { value: target });
    return registry.press(event);
  };
  return { registry, runs, press };
}

describe("keys", () => {
  it("run the command that has them", () => {
    const { runs, press } = setup({ keys: "/" }, { keys: "mod+b" });
    expect(press("/")).toBe(true);
    expect(press("b", { ctrlKey: true })).toBe(true);
    expect(runs.map((run) => run.mock.calls.length)).toEqual([1, 1]);
  });

  it("of two in a row need both, in time", () => {
    const { runs, press } = setup({ keys: "g p" }, { keys: "p" });
    press("g");
    press("p");
    expect(runs.map((run) => run.mock.calls.length)).toEqual([1, 0]);
    press("p");
    expect(runs.map((run) => run.mock.calls.length)).toEqual([1, 1]);
  });

  it("leave fields alone, but for those with Ctrl", () => {
    const { runs, press } = setup({ keys: "/" }, { keys: "mod+enter" });
    const field = document.createElement("textarea");
    expect(press("/", {}, field)).toBe(false);
    expect(press("Enter", { ctrlKey: true }, field)).toBe(true);
    expect(runs.map((run) => run.mock.calls.length)).toEqual([0, 1]);
  });

  it("do nothing while a word is being composed, while disabled, or when switched off", () => {
    const { registry, press } = setup({ keys: "/" }, { keys: "x", disabled: true });
    expect(press("/", { isComposing: true })).toBe(false);
    expect(press("x")).toBe(false);
    setSingleKeys(false);
    expect(press("/")).toBe(false);
    setSingleKeys(true);
    expect(press("/")).toBe(true);
    expect(registry.list()).toHaveLength(2);
  });

  it("go with the part that offered them", () => {
    const registry = new Registry();
    const listener = vi.fn();
    registry.subscribe(listener);
    const remove = registry.add({ id: "a", title: "A", group: "Page", keys: "a", run: () => {} });
    const again = registry.add({ id: "a", title: "A again", group: "Page", keys: "a", run: () => {} });
    remove();
    expect(registry.list().map((command) => command.title)).toEqual(["A again"]);
    again();
    expect(registry.list()).toEqual([]);
    expect(listener).toHaveBeenCalledTimes(3);
  });

  it("are shown in words", () => {
    expect(showKeys("mod+enter")).toBe("Ctrl+Enter");
    expect(showKeys("g p")).toBe("g then p");
    expect(showKeys("mod+b")).toBe("Ctrl+B");
  });
});
