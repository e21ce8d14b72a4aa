import { expect, it } from "vitest";
import { createBlockReader, decodeEntities, isOpenLink, safeLink } from "./blocks";
import { pathRef } from "./paths";

const text =
  "# Title\n\nSome *text* here.\n\n- one\n- two\n\n```ts\nconst a = 1;\n\nconst b = 2;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nEnd.";

it("gives the same blocks letter by letter as at once", () => {
  const grow = createBlockReader();
  for (let n = 1; n < text.length; n += 3) grow(text.slice(0, n));
  const types = grow(text).map((b) => b.token.type);
  expect(types).toEqual(["heading", "paragraph", "list", "code", "table", "paragraph"]);
  expect(createBlockReader()(text).map((b) => b.raw)).toEqual(grow(text).map((b) => b.raw));
});

it("keeps closed blocks as they are", () => {
  const grow = createBlockReader();
  const first = grow("One.\n\nTwo");
  const then = grow("One.\n\nTwo and more");
  expect(then[0]).toBe(first[0]);
  expect(then[1]).not.toBe(first[1]);
});

it("draws an open fence as code and an open link as text", () => {
  const [fence] = createBlockReader()("```ts\nconst a");
  expect(fence?.token).toMatchObject({ type: "code", text: "const a" });
  const [link] = createBlockReader()("See [the docs](https://exa");
  const [words, address] = link?.token.type === "paragraph" ? (link.token.tokens ?? []) : [];
  expect(isOpenLink(words, address!)).toBe(true);
});

it("follows only links of the web and mail", () => {
  expect(safeLink("https://example.com/a?b=1&amp;c=2")).toEqual({
    href: "https://example.com/a?b=1&c=2",
    host: "example.com",
  });
  expect(safeLink("javascript:alert(1)")).toBeUndefined();
  expect(safeLink("data:text/html,x")).toBeUndefined();
  expect(safeLink("/local")).toBeUndefined();
});

it("reads paths with lines", () => {
  expect(pathRef("src/App.tsx:12")).toEqual({ path: "src/App.tsx", line: 12 });
  expect(pathRef("/workspace/src/App.tsx")).toEqual({ path: "src/App.tsx", line: undefined });
  expect(pathRef("npm run build")).toBeUndefined();
});

it("decodes character references", () => {
  expect(decodeEntities("a &amp; b &lt;c&gt; &#8217; &unknown;")).toBe("a & b <c> ’ &unknown;");
});
