// @vitest-environment node
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";

const src = import.meta.dirname;
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
  (file) => /\.tsx?$/.test(file) && !file.includes(".test.") && !file.startsWith("test/"),
);

/** The files of the workspace that a file imports, also those that it loads later. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), "utf8");
  const names = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  return names.flatMap((name) => {
    const path = name.startsWith("@/") ? name.slice(2) : name.startsWith(".") ? relative(src, join(src, dirname(file), name)) : "";
    if (path === "") return [];
    return [`${path}.ts`, `${path}.tsx`, `${path}/index.ts`].filter((each) => existsSync(join(src, each)));
  });
}

it("no import leads back to where it came from", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) return void circles.push([...path.slice(at), file].join(" → "));
    if (done.has(file)) return;
    for (const next of importsOf(file)) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(files.length).toBeGreaterThan(100);
  expect(circles).toEqual([]);
});
