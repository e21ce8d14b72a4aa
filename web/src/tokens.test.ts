import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
// @ts-expect-error -- a plain script without types
import { check, contrast, readTokens } from "../scripts/contrast.mjs";

const css = readFileSync("src/tokens.css", "utf8");

describe("colours", () => {
  it("can all be told apart from what they stand on, in both themes", () => {
    const { pairs, problems } = check(css);
    expect(problems).toEqual([]);
    expect(pairs.length).toBeGreaterThanOrEqual(184);
  });

  it("are measured right", () => {
    expect(contrast([0, 0, 0], [1, 0, 0])).toBeCloseTo(21, 5);
    expect(contrast([1, 0, 0], [1, 0, 0])).toBe(1);
    const { text, bg } = readTokens(css);
    expect(contrast(text[0], bg[0])).toBeGreaterThan(13);
  });

  it("a colour that is too pale is reported", () => {
    const pale = css.replace("--text-2: light-dark(oklch(0.44", "--text-2: light-dark(oklch(0.7");
    expect(check(pale).problems.join()).toContain("text-2 on bg (light)");
  });
});
