import { describe, expect, it } from "vitest";
import { formatPlace, parsePlace, safeNext, toAppPath } from "./place";

describe("places", () => {
  it("come back from the address that they made", () => {
    const place = { projectId: "p1", session: "s1", tab: "files" as const, file: "src/App.tsx", line: 12, path: "/a?b=1" };
    const address = formatPlace(place);
    expect(address).toBe("/p/p1?s=s1&tab=files&file=src/App.tsx&line=12&path=/a%3Fb%3D1");
    expect(parsePlace("p1", address.split("?").slice(1).join("?"))).toEqual(place);
  });

  it("leave out what is malformed", () => {
    expect(parsePlace("p1", "tab=settings&line=-3&path=//evil.test&s=")).toEqual({
      projectId: "p1",
      session: undefined,
      tab: undefined,
      file: undefined,
      line: undefined,
      path: undefined,
    });
  });

  it("have no query when nothing is chosen", () => {
    expect(formatPlace({ projectId: "p1", path: "/" })).toBe("/p/p1");
  });
});

describe("safeNext", () => {
  it.each([
    ["/p/1?s=2", "/p/1?s=2"],
    ["//evil.test", "/"],
    ["/\\evil.test", "/"],
    ["https://evil.test", "/"],
    ["javascript:alert(1)", "/"],
    ["/sign-in?next=/", "/"],
    [null, "/"],
  ])("%s goes to %s", (next, to) => expect(safeNext(next)).toBe(to));
});

describe("toAppPath", () => {
  it.each([
    ["about", "/about"],
    [" /a b?q=1#x ", "/a%20b?q=1#x"],
    ["//elsewhere.test/x", "/elsewhere.test/x"],
    ["\\\\elsewhere.test\\x", "/elsewhere.test/x"],
    ["http://3000-box.localhost:3210/deep?x=1", "/deep?x=1"],
    ["/100%", "/100%25"],
    ["/%C3%BC", "/%C3%BC"],
    ["", "/"],
  ])("%s is %s", (text, path) => expect(toAppPath(text)).toBe(path));
});
