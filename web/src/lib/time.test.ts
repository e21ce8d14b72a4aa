import { describe, expect, it } from "vitest";
import { ago, clock, counting, duration } from "./time";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

describe("duration", () => {
  it.each([
    [0, "0.0 s"],
    [420, "0.4 s"],
    [4100, "4.1 s"],
    [6000, "6 s"],
    [48_900, "48 s"],
    [3 * minute + 12 * second, "3 min 12 s"],
    [5 * minute, "5 min"],
    [hour + 4 * minute, "1 h 4 min"],
    [-5, "0.0 s"],
  ])("%d ms reads %s", (ms, words) => expect(duration(ms)).toBe(words));
});

describe("counting", () => {
  it.each([
    [0, "0 s"],
    [999, "0 s"],
    [6_400, "6 s"],
    [65_000, "1 min 5 s"],
  ])("%d ms reads %s", (ms, words) => expect(counting(ms)).toBe(words));
});

describe("clock", () => {
  it.each([
    [0, "0:00"],
    [21_000, "0:21"],
    [12 * minute + 5 * second, "12:05"],
    [hour + 2 * minute + 5 * second, "1:02:05"],
  ])("%d ms reads %s", (ms, words) => expect(clock(ms)).toBe(words));
});

describe("ago", () => {
  const now = new Date(2026, 10, 24, 12, 0, 0).getTime();
  it.each([
    [30 * second, "just now"],
    [minute, "1 minute ago"],
    [4 * minute, "4 minutes ago"],
    [3 * hour, "3 hours ago"],
    [13 * hour, "yesterday"],
    [26 * hour, "yesterday"],
    [3 * 24 * hour, "3 days ago"],
    [20 * 24 * hour, "4 November"],
    [400 * 24 * hour, "20 October 2025"],
  ])("%d ms before reads %s", (ms, words) => expect(ago(now - ms, now)).toBe(words));
});
