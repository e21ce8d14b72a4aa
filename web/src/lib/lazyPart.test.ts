import { beforeEach, expect, it, vi } from "vitest";
import { retry } from "./lazyPart";

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

it("tries a broken load again", async () => {
  const load = vi.fn().mockRejectedValueOnce(new TypeError("network changed")).mockResolvedValue("part");
  const loaded = retry(load);
  await vi.runAllTimersAsync();
  expect(await loaded).toBe("part");
  expect(load).toHaveBeenCalledTimes(2);
});

it("gives up after the third", async () => {
  const load = vi.fn().mockRejectedValue(new TypeError("gone"));
  const loaded = expect(retry(load)).rejects.toThrow("gone");
  await vi.runAllTimersAsync();
  await loaded;
  expect(load).toHaveBeenCalledTimes(3);
});
