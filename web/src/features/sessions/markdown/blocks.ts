import { Lexer, type Token } from "marked";

/** A block at the top level of a text. Its raw text is its identity: equal raw, equal drawing. */
export interface Block {
  raw: string;
  token: Token;
}

/**
 * Cuts growing Markdown into its top-level blocks. Text is only ever added at the end while
 * it streams, so all blocks but the last keep their object, and only the last is read again.
 */
export function createBlockReader(): (text: string) => Block[] {
  let before = "";
  let blocks: Block[] = [];
  return (text) => {
    if (text === before) return blocks;
    const grows = before !== "" && text.startsWith(before);
    const kept = grows ? blocks.slice(0, -1) : [];
    const offset = kept.reduce((n, b) => n + b.raw.length, 0);
    blocks = [...kept, ...cut(text.slice(offset))];
    before = text;
    return blocks;
  };
}

// Empty lines belong to the block before them, so that the lengths of the blocks add up to the text.
function cut(text: string): Block[] {
  const out: Block[] = [];
  for (const token of new Lexer({ gfm: true }).lex(text)) {
    const last = out.at(-1);
    if (token.type === "space" && last) last.raw += token.raw;
    else out.push({ raw: token.raw, token });
  }
  return out;
}

const entities: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  copy: "©",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  rarr: "→",
  larr: "←",
  times: "×",
};

/** Character references as characters; unknown ones stay as they are. */
export function decodeEntities(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+);/gi, (all, name: string) => {
    if (!name.startsWith("#")) return entities[name] ?? all;
    const code = name[1] === "x" || name[1] === "X" ? parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

/** The target of a link that may be followed, or undefined. */
export function safeLink(href: string): { href: string; host: string } | undefined {
  try {
    const url = new URL(decodeEntities(href));
    if (url.protocol === "mailto:") return { href: url.href, host: "" };
    if (url.protocol === "http:" || url.protocol === "https:") return { href: url.href, host: url.host };
  } catch {
    // Relative: there is nothing that it could be relative to.
  }
  return undefined;
}

/** True for the address in "[words](https://exa": a link whose end has not come yet is text, not half a link. */
export function isOpenLink(before: Token | undefined, token: Token): boolean {
  return token.type === "link" && token.autolink === true && (before?.raw.endsWith("](") ?? false);
}
