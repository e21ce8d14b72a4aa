/** Output of commands: colours are kept, everything else a terminal would obey is dropped. */

export interface AnsiSpan {
  text: string;
  /** One of eight names, "bright" folded into them; undefined is the colour of the text around it. */
  color?: AnsiColor;
  bold?: boolean;
  dim?: boolean;
  underline?: boolean;
}

const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
export type AnsiColor = (typeof names)[number];

interface Style {
  color?: AnsiColor;
  bold?: boolean;
  dim?: boolean;
  underline?: boolean;
}

// CSI sequences, OSC sequences (titles, links), and lone escapes.
const sequence = /\u001b\[([0-9;:?]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-Z\\-_]?/g;
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** Splits output into spans of one style. */
export function parseAnsi(output: string): AnsiSpan[] {
  const spans: AnsiSpan[] = [];
  let style: Style = {};
  let from = 0;
  const push = (text: string) => {
    const clean = text.replace(controls, "");
    if (clean !== "") spans.push({ text: clean, ...style });
  };
  const text = overwrite(output);
  for (const m of text.matchAll(sequence)) {
    push(text.slice(from, m.index));
    from = m.index + m[0].length;
    if (m[2] === "m") style = apply(style, m[1] ?? "");
  }
  push(text.slice(from));
  return spans;
}

/** The output without any escape sequence. */
export function stripAnsi(output: string): string {
  return overwrite(output).replace(sequence, "").replace(controls, "");
}

// A carriage return begins the line again: of a progress bar only its last state is kept.
function overwrite(text: string): string {
  if (!text.includes("\r")) return text;
  return text
    .replace(/\r+\n/g, "\n")
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1) ?? "")
    .join("\n");
}

function apply(style: Style, params: string): Style {
  const codes = params === "" ? [0] : params.split(/[;:]/).map(Number);
  let s = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i] ?? 0;
    if (c === 0) s = {};
    else if (c === 1) s.bold = true;
    else if (c === 2) s.dim = true;
    else if (c === 4) s.underline = true;
    else if (c === 22) s.bold = s.dim = undefined;
    else if (c === 24) s.underline = undefined;
    else if (c >= 30 && c <= 37) s.color = names[c - 30];
    else if (c >= 90 && c <= 97) {
      s.color = names[c - 90];
      if (c === 90) s.dim = true;
    } else if (c === 39) s.color = undefined;
    else if (c === 38 || c === 48) {
      // Colours by number: the first sixteen have names, finer ones keep the colour of the text.
      if (codes[i + 1] === 5) {
        const n = codes[i + 2] ?? 0;
        if (c === 38) s.color = n < 16 ? names[n % 8] : undefined;
        i += 2;
      } else if (codes[i + 1] === 2) i += 4;
    }
  }
  return s;
}
