import { expect, it } from "vitest";
import { parseAnsi, stripAnsi } from "./ansi";

const esc = "\u001b";

it("keeps colours and weight", () => {
  expect(parseAnsi(`a ${esc}[1;31merror${esc}[0m b`)).toEqual([
    { text: "a " },
    { text: "error", bold: true, color: "red" },
    { text: " b" },
  ]);
});

it("reads colours by number and skips backgrounds", () => {
  expect(parseAnsi(`${esc}[48;5;1m${esc}[38;5;2mok`)).toEqual([{ text: "ok", color: "green" }]);
  expect(parseAnsi(`${esc}[38;2;1;2;3mfine`)).toEqual([{ text: "fine" }]);
});

it("drops what moves the cursor, titles, links and bells", () => {
  expect(
    stripAnsi(`${esc}]0;title\u0007${esc}[2K${esc}[1Gdone\u0007${esc}]8;;http://x${esc}\\link${esc}]8;;${esc}\\`),
  ).toBe("donelink");
});

it("keeps the last state of a line that was written over", () => {
  expect(stripAnsi("10 %\r50 %\r100 %\nnext\r\nlast\r")).toBe("100 %\nnext\nlast");
});
