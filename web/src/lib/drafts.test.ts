import { expect, it, vi } from "vitest";
import { clearDrafts, hasDrafts, readDraft, writeDraft } from "./drafts";
import { putFirstPrompt, takeFirstPrompt } from "./firstPrompt";

it("keeps drafts by user and place, and clears one user's only", () => {
  writeDraft("u1", "home", "one");
  writeDraft("u1", "s1", "two");
  writeDraft("u2", "home", "three");
  expect(readDraft("u1", "home")).toBe("one");
  clearDrafts("u1");
  expect(readDraft("u1", "s1")).toBe("");
  expect(hasDrafts("u1")).toBe(false);
  expect(readDraft("u2", "home")).toBe("three");
});

it("forgets an emptied draft", () => {
  writeDraft("u1", "home", "one");
  writeDraft("u1", "home", "");
  expect(hasDrafts("u1")).toBe(false);
});

it("works on where storage is blocked", () => {
  vi.spyOn(Storage.prototype, "getItem").mockImplementation(() => {
    throw new DOMException("blocked", "SecurityError");
  });
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("blocked", "SecurityError");
  });
  writeDraft("u1", "home", "one");
  expect(readDraft("u1", "home")).toBe("");
  putFirstPrompt("p1", "build");
  expect(takeFirstPrompt("p1")).toBe("build");
});

it("gives the first prompt once", () => {
  putFirstPrompt("p1", "build");
  expect(takeFirstPrompt("p1")).toBe("build");
  expect(takeFirstPrompt("p1")).toBeUndefined();
});
