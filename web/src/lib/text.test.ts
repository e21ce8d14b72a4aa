import { describe, expect, it } from "vitest";
import { initials, nameFromPrompt } from "./text";

describe("nameFromPrompt", () => {
  it.each([
    ["Build a todo list. Keep items after a reload.", "Build a todo list"],
    ["a page where my team books the meeting room", "A page where my team books the meeting room"],
    ["Build a page for a small bakery with its opening hours.", "Build a page for a small bakery"],
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
