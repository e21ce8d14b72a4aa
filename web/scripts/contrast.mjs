/**
 * Measures the contrast of every pair of colours that the workspace lets meet, in both themes, from src/tokens.css:
 * OKLCH to sRGB of 8 bits, then the contrast of WCAG 2. Fails when a pair is under its floor or a colour is outside of
 * sRGB. `node scripts/contrast.mjs` prints the worst pair per colour; a test calls `check`.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Text needs 4.5 : 1; rims, nodes and rings 3 : 1. */
const forText = 4.5;
const forRims = 3;

const plain = ["bg", "surface", "sunken", "raised", "prompt", "code-bg"];
const soft = ["accent-soft", "ok-soft", "warn-soft", "bad-soft"];
const diff = ["diff-add", "diff-del"];

/** Which colour may stand on which. */
export const rules = [
  { colors: ["text", "text-2"], on: [...plain, ...soft, ...diff], floor: forText },
  { colors: ["text-3"], on: plain, floor: forText },
  { colors: ["accent-text"], on: [...plain, "accent-soft"], floor: forText },
  { colors: ["ok"], on: [...plain, "ok-soft", "diff-add"], floor: forText },
  { colors: ["warn"], on: [...plain, "warn-soft"], floor: forText },
  { colors: ["bad"], on: [...plain, "bad-soft", "diff-del"], floor: forText },
  { colors: ["on-accent"], on: ["accent", "accent-hover"], floor: forText },
  { colors: ["on-bad"], on: ["bad"], floor: forText },
  { colors: ["syn-key", "syn-str", "syn-num", "syn-fn", "syn-com"], on: ["code-bg", ...diff], floor: forText },
  { colors: ["line-strong"], on: ["bg", "surface", "sunken", "raised"], floor: forRims },
  { colors: ["focus"], on: [...plain, "accent-soft"], floor: forRims },
  { colors: ["accent"], on: ["bg", "surface", "sunken", "raised"], floor: forRims },
];

/** The tokens of a style sheet: name → [light, dark], each [L, C, h]. */
export function readTokens(css) {
  const tokens = {};
  const color = String.raw`oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)`;
  for (const found of css.matchAll(new RegExp(String.raw`--([\w-]+): light-dark\(${color}, ${color}\)`, "g"))) {
    const numbers = found.slice(2).map(Number);
    tokens[found[1]] = [numbers.slice(0, 3), numbers.slice(3)];
  }
  return tokens;
}

/** Red, green and blue from 0 to 1 with the curve of sRGB; outside of that where the colour can't be shown. */
export function toSrgb([L, C, h]) {
  const a = C * Math.cos((h * Math.PI) / 180);
  const b = C * Math.sin((h * Math.PI) / 180);
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => {
    const eight = Math.round(Math.min(1, Math.max(0, v)) * 255) / 255;
    return eight <= 0.04045 ? eight / 12.92 : ((eight + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The contrast of two colours, 1 to 21. */
export function contrast(one, other) {
  const [low, high] = [luminance(toSrgb(one)), luminance(toSrgb(other))].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** All pairs of both themes with their contrast, and what is wrong in words. */
export function check(css) {
  const tokens = readTokens(css);
  const pairs = [];
  const problems = [];
  for (const [name, themes] of Object.entries(tokens)) {
    themes.forEach((color, i) => {
      // Half a step of 8 bits is rounding, not another colour.
      if (toSrgb(color).some((v) => v < -0.5 / 255 || v > 1 + 0.5 / 255)) {
        problems.push(`${name} (${i === 0 ? "light" : "dark"}) is outside of sRGB`);
      }
    });
  }
  for (const { colors, on, floor } of rules) {
    for (const color of colors) {
      for (const ground of on) {
        ["light", "dark"].forEach((theme, i) => {
          if (!tokens[color] || !tokens[ground]) return problems.push(`no token ${color} or ${ground}`);
          const value = contrast(tokens[color][i], tokens[ground][i]);
          pairs.push({ theme, color, ground, value, floor });
          if (value < floor) problems.push(`${color} on ${ground} (${theme}): ${value.toFixed(2)} < ${floor}`);
        });
      }
    }
  }
  return { pairs, problems };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const css = readFileSync(new URL("../src/tokens.css", import.meta.url), "utf8");
  const { pairs, problems } = check(css);
  for (const color of new Set(pairs.map((pair) => pair.color))) {
    const worst = ["light", "dark"].map((theme) =>
      pairs.filter((p) => p.color === color && p.theme === theme).reduce((a, b) => (a.value < b.value ? a : b)),
    );
    console.log(`${color.padEnd(12)} ${worst.map((p) => `${p.value.toFixed(2)} on ${p.ground}`).join(" · ")}`);
  }
  console.log(`${pairs.length} pairs, ${problems.length} problems`);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
