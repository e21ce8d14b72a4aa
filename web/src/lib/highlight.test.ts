import { expect, it } from "vitest";
import { highlight, highlightLines, languageOf } from "./highlight";

const kinds = (code: string, name: string) =>
  highlight(code, name)
    .filter((t) => t.kind)
    .map((t) => `${t.kind} ${t.text}`);

it("tells the parts of code apart", () => {
  expect(kinds('const n = add(1, "a"); // sum', "App.tsx")).toEqual([
    "key const",
    "fn add",
    "num 1",
    'str "a"',
    "com // sum",
  ]);
  expect(kinds('{"a": "b", "n": 12}', "json")).toEqual(['fn "a"', 'str "b"', 'fn "n"', "num 12"]);
  expect(kinds('<a href="x">', "index.html")).toEqual(["key <a", "fn href", 'str "x"', "key >"]);
});

it("never changes the text", () => {
  const code = ".list {\n  width: min(640px, 100%);\n}\n/* open";
  expect(
    highlight(code, "index.css")
      .map((t) => t.text)
      .join(""),
  ).toBe(code);
  expect(
    highlightLines(code, "index.css")
      .map((l) => l.map((t) => t.text).join(""))
      .join("\n"),
  ).toBe(code);
});

it("knows languages by name of file or fence", () => {
  expect([languageOf("src/App.tsx"), languageOf("ts {1}"), languageOf("Makefile"), languageOf(undefined)]).toEqual([
    "code",
    "code",
    "plain",
    "plain",
  ]);
});
