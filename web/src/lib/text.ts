// Words that lead on to others: a name that ends with one reads as cut off.
const leading = /\s(a|an|the|and|or|with|for|of|to|in|on|at|by|from|that|which|where|when|my|our|your|its|is|are)$/i;

/** A project's name from the first words of its prompt: whole words, at most 44 characters, nothing that trails off. */
export function nameFromPrompt(prompt: string): string {
  const line = prompt.trim().split(/\n/)[0] ?? "";
  const words = line.replace(/\s+/g, " ").split(" ");
  let name = "";
  for (const word of words.slice(0, 10)) {
    const next = name === "" ? word : `${name} ${word}`;
    if (next.length > 44) break;
    name = next;
    // A sentence that ends here is a whole name: "Build a todo list. Keep items…".
    if (/[.!?:;]$/.test(word)) break;
  }
  name = (name || line.slice(0, 40)).replace(/[\s.,:;!?…-]+$/, "");
  while (leading.test(name)) name = name.replace(leading, "");
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
