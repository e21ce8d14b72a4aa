import { expect, it } from "vitest";
import { nameFault, proposedName } from "./name";

it("proposes a name that the server takes", () => {
  expect(proposedName("Todo list")).toBe("todo-list");
  expect(proposedName("  Zürich: Café 24/7! ")).toBe("zurich-cafe-24-7");
  expect(proposedName("42")).toBe("my-app");
  expect(proposedName("日本")).toBe("my-app");
  expect(proposedName("x".repeat(60))).toHaveLength(40);
});

it("says what a name must be", () => {
  for (const good of ["abc", "todo-list", "a1b"]) expect(nameFault(good)).toBeUndefined();
  for (const bad of ["ab", "Abc", "a_b", "x".repeat(41)])
    expect(nameFault(bad)).toBe("Letters, digits and hyphens, 3 to 40.");
  for (const bad of ["-abc", "1abc", "-a-b-"]) expect(nameFault(bad)).toBe("Begins with a letter.");
  expect(nameFault("abc-")).toBe("Ends with a letter or a digit.");
});
