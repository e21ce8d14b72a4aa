/** Cuts the middle out of a long text and keeps both ends: "src/…/List.tsx". */
export function cutMiddle(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = Math.ceil((max - 1) / 3);
  return `${text.slice(0, head)}…${text.slice(text.length - (max - 1 - head))}`;
}

/** A project's name from the first words of its prompt: whole words, at most 40 characters, no trailing stop. */
export function nameFromPrompt(prompt: string): string {
  const line = prompt.trim().split(/\n/)[0] ?? "";
  const words = line.replace(/\s+/g, " ").split(" ");
  let name = "";
  for (const word of words.slice(0, 6)) {
    const next = name === "" ? word : `${name} ${word}`;
    if (next.length > 40) break;
    name = next;
    // A sentence that ends here is a whole name: "Build a todo list. Keep items…".
    if (/[.!?:;]$/.test(word)) break;
  }
  name = (name || line.slice(0, 40)).replace(/[\s.,:;!?…-]+$/, "");
  return name === "" ? "New project" : capitalise(name);
}

/** Up to two letters that stand for a person in the avatar. */
export function initials(name: string | undefined, email: string | undefined): string {
  const source = (name?.trim() || email?.split("@")[0] || "").replace(/[._-]+/g, " ").trim();
  const parts = source.split(/\s+/).filter(Boolean);
  const letters = parts.length > 1 ? [parts[0], parts[parts.length - 1]] : [parts[0]];
  return letters.map((part) => [...(part ?? "")][0]?.toUpperCase() ?? "").join("");
}

/** First letter in capitals, the rest as it is. */
export function capitalise(text: string): string {
  const [first = "", ...rest] = [...text];
  return first.toUpperCase() + rest.join("");
}
