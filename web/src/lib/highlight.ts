/**
 * Colours for short pieces of code in the chat: comments, strings, numbers, keywords and
 * calls. Good enough for an excerpt, small enough to be there at once; the file viewer
 * has real parsers.
 */

export type TokenKind = "key" | "str" | "num" | "fn" | "com";

export interface Token {
  text: string;
  kind?: TokenKind;
}

type Language = "code" | "css" | "html" | "json" | "shell" | "plain";

const byExtension: Record<string, Language> = {
  ts: "code",
  tsx: "code",
  js: "code",
  jsx: "code",
  mjs: "code",
  cjs: "code",
  go: "code",
  rs: "code",
  java: "code",
  typescript: "code",
  javascript: "code",
  python: "shell",
  py: "shell",
  css: "css",
  scss: "css",
  html: "html",
  svg: "html",
  xml: "html",
  json: "json",
  jsonc: "json",
  sh: "shell",
  bash: "shell",
  shell: "shell",
  yml: "shell",
  yaml: "shell",
  toml: "shell",
};

/** The language of a fence's info word or of a file's name. */
export function languageOf(name: string | undefined): Language {
  const word = (name ?? "").trim().split(/[\s{]/, 1)[0]?.toLowerCase() ?? "";
  return byExtension[word.split(".").at(-1) ?? ""] ?? "plain";
}

const words =
  "as|async|await|break|case|catch|class|const|continue|default|delete|do|else|enum|export|extends|false|finally|for|from|" +
  "func|function|go|if|implements|import|in|instanceof|interface|let|map|new|nil|null|of|package|private|public|range|" +
  "readonly|return|satisfies|static|struct|super|switch|this|throw|true|try|type|typeof|undefined|var|void|while|yield|" +
  "def|elif|except|lambda|None|pass|raise|self|with|True|False|fi|then|done|esac|echo|export";

const string = /"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`(?:[^`\\]|\\.)*`?/.source;
const number = /\b\d[\d_]*(?:\.\d+)?(?:[a-z%]+)?\b/.source;
const call = /[A-Za-z_$][\w$]*(?=\s*\()/.source;

const rules: Record<Exclude<Language, "plain">, RegExp> = {
  code: rule(/\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/.source, string, `\\b(?:${words})\\b`, number, call),
  css: rule(
    /\/\*[\s\S]*?(?:\*\/|$)/.source,
    string,
    "@[\\w-]+|--[\\w-]+|[\\w-]+(?=\\s*:[^:{}]*[;}\\n])",
    /#[0-9a-fA-F]{3,8}\b|\b\d*\.?\d+[a-z%]*/.source,
    /[\w-]+(?=\()/.source,
  ),
  html: rule(
    /<!--[\s\S]*?(?:-->|$)/.source,
    /"[^"]*"?|'[^']*'/.source,
    /<\/?[\w:-]+|\/?>/.source,
    "(?!)",
    /[\w:-]+(?==)/.source,
  ),
  json: rule(
    /\/\/[^\n]*/.source,
    /"(?:[^"\\\n]|\\.)*"(?!\s*:)/.source,
    /\b(?:true|false|null)\b/.source,
    /-?\b\d[\d.eE+-]*/.source,
    /"(?:[^"\\\n]|\\.)*"(?=\s*:)/.source,
  ),
  shell: rule(/(?<=^|\s)#[^\n]*/.source, string, `\\b(?:${words})\\b`, number, /(?<=\s)--?[A-Za-z][\w-]*/.source),
};

function rule(com: string, str: string, key: string, num: string, fn: string): RegExp {
  return new RegExp(`(?<com>${com})|(?<str>${str})|(?<key>${key})|(?<num>${num})|(?<fn>${fn})`, "gm");
}

// Longer pieces are shown without colours: a reader scrolls them, and the page must stay quick.
const limit = 40_000;

/** Splits code into coloured and plain pieces; together they are the code, unchanged. */
export function highlight(code: string, name: string | undefined): Token[] {
  const language = languageOf(name);
  if (language === "plain" || code.length > limit) return [{ text: code }];
  const tokens: Token[] = [];
  let from = 0;
  for (const m of code.matchAll(rules[language])) {
    if (m[0] === "") continue;
    if (m.index > from) tokens.push({ text: code.slice(from, m.index) });
    tokens.push({ text: m[0], kind: kindOf(m.groups ?? {}) });
    from = m.index + m[0].length;
  }
  if (from < code.length) tokens.push({ text: code.slice(from) });
  return tokens;
}

function kindOf(groups: Record<string, string | undefined>): TokenKind | undefined {
  for (const kind of ["com", "str", "key", "num", "fn"] as const) if (groups[kind] !== undefined) return kind;
  return undefined;
}

/** The tokens of each line, for views that draw lines one by one. */
export function highlightLines(code: string, name: string | undefined): Token[][] {
  const lines: Token[][] = [[]];
  for (const token of highlight(code, name)) {
    token.text.split("\n").forEach((text, i) => {
      if (i > 0) lines.push([]);
      if (text !== "") lines.at(-1)?.push({ ...token, text });
    });
  }
  return lines;
}
