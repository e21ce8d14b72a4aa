/**
 * Prints what each screen loads before it is drawn, in kB after gzip -9: its chunks and everything they import
 * statically. Run it after `npm run build`; another folder than dist may be named.
 */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const dist = process.argv[2] ? pathToFileURL(`${process.argv[2]}/`) : new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** Screens with the chunks that they load, and the most that we want them to weigh. */
const screens = [
  { name: "sign-in", chunks: ["index.html"], aim: 130 },
  { name: "home", chunks: ["index.html", "src/app/Shell.tsx", "src/app/HomePage.tsx"], aim: 150 },
  { name: "project", chunks: ["index.html", "src/app/Shell.tsx", "src/app/ProjectPage.tsx"], aim: 220 },
];

function closure(names) {
  const seen = new Set();
  const visit = (name) => {
    if (seen.has(name)) return;
    const chunk = manifest[name];
    if (chunk === undefined) throw new Error(`${name} is not in the build`);
    seen.add(name);
    for (const next of chunk.imports ?? []) visit(next);
  };
  for (const name of names) visit(name);
  return [...seen].map((name) => manifest[name]);
}

function weigh(files) {
  const unique = [...new Set(files)];
  return unique.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length, 0) / 1000;
}

for (const { name, chunks, aim } of screens) {
  const loaded = closure(chunks);
  const js = weigh(loaded.map((chunk) => chunk.file));
  const css = weigh(loaded.flatMap((chunk) => chunk.css ?? []));
  const verdict = js <= aim ? "" : "  over";
  console.log(`${name.padEnd(8)} js ${js.toFixed(1).padStart(6)} kB (aim ${aim}), css ${css.toFixed(1)} kB${verdict}`);
}

const route = new Set(closure(screens.flatMap((screen) => screen.chunks)).map((chunk) => chunk.file));
const later = Object.values(manifest).filter((chunk) => chunk.file.endsWith(".js") && !route.has(chunk.file));
for (const chunk of later) console.log(`on need  ${weigh([chunk.file]).toFixed(1).padStart(6)} kB ${chunk.name ?? chunk.file}`);
