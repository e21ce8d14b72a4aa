import { expect, it } from "vitest";
import { changedLines } from "./changedLines";

it("finds what lies between the equal parts", () => {
  expect(changedLines("a\nb\nc\nd", "a\nB\nC\nd")).toEqual({ from: 2, to: 3 });
  expect(changedLines("a\nb", "a\nx\nb")).toEqual({ from: 2, to: 2 });
  expect(changedLines("", "a\nb")).toEqual({ from: 1, to: 2 });
});

it("has nothing to show for equal texts and for lines that only went away", () => {
  expect(changedLines("a\nb", "a\nb")).toBeUndefined();
  expect(changedLines("a\nb\nc", "a\nc")).toBeUndefined();
});
