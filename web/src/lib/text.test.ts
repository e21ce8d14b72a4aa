import { describe, expect, it } from "vitest";
import { cutMiddle, initials, nameFromPrompt } from "./text";

describe("nameFromPrompt", () => {
  it.each([
    ["Build a todo list. Keep items after a reload.", "Build a todo list"],
    ["a page where my team books the meeting room", "A page where my team books"],
    ["  \n  ", "New project"],
    ["...", "New project"],
    ["Überschrift\nsecond line", "Überschrift"],
    ["x".repeat(60), "X" + "x".repeat(39)],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
  ])("%j gives %j", (prompt, name) => expect(nameFromPrompt(prompt)).toBe(name));
});

describe("initials", () => {
  it.each([
    ["Mara Klein", undefined, "MK"],
    [undefined, "mara.klein@example.com", "MK"],
    [undefined, "mara@example.com", "M"],
    ["Ana Maria de Souza", undefined, "AS"],
    ["𝒳 y", undefined, "𝒳Y"],
    [undefined, undefined, ""],
  ])("%s, %s gives %s", (name, email, letters) => expect(initials(name, email)).toBe(letters));
});

describe("cutMiddle", () => {
  it("keeps short text and both ends of long text", () => {
    expect(cutMiddle("src/App.tsx", 20)).toBe("src/App.tsx");
    const cut = cutMiddle("src/features/projects/components/List.tsx", 20);
    expect(cut).toHaveLength(20);
    expect(cut.startsWith("src/")).toBe(true);
    expect(cut.endsWith("List.tsx")).toBe(true);
  });
});
