import { expect, it } from "vitest";
import { bytes, count, money, tokens } from "./format";

it.each([
  [0, "$0"],
  [0.0004, "$0.0004"],
  [0.084, "$0.084"],
  [0.0196, "$0.02"],
  [2, "$2.00"],
  [1204.5, "$1,204.50"],
])("money %d reads %s", (usd, words) => expect(money(usd)).toBe(words));

it.each([
  [0, "0"],
  [840, "840"],
  [28_000, "28k"],
  [31_240, "31.2k"],
  [999_990, "1M"],
  [1_200_000, "1.2M"],
])("%d tokens read %s", (n, words) => expect(tokens(n)).toBe(words));

it.each([
  [1, "1 byte"],
  [12, "12 bytes"],
  [4_100, "4.1 KB"],
  [2_100_000, "2.1 MB"],
  [3_000_000_000, "3 GB"],
])("%d bytes read %s", (n, words) => expect(bytes(n)).toBe(words));

it("counts with the noun's own plural", () => {
  expect(count(1, "step")).toBe("1 step");
  expect(count(1200, "step")).toBe("1,200 steps");
  expect(count(2, "entry", "entries")).toBe("2 entries");
});
