/** Dollars as people read them: "$0", "$0.0004", "$0.084", "$0.02", "$2.00", "$1,204.50". */
export function money(usd: number): string {
  if (usd === 0) return "$0";
  if (usd < 0.001) return `$${usd.toFixed(4)}`;
  if (usd < 1) return `$${usd.toFixed(3).replace(/0$/, "")}`;
  return `$${usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** Counts of tokens: "840", "31.2k", "1.2M". */
export function tokens(n: number): string {
  if (n < 1000) return String(Math.round(n));
  if (n < 999_950) return `${short(n / 1000)}k`;
  return `${short(n / 1_000_000)}M`;
}

/** Sizes with units, 1 KB being 1,000 bytes: "12 bytes", "4.1 KB", "2.1 MB". */
export function bytes(n: number): string {
  if (n < 1000) return count(n, "byte");
  if (n < 999_950) return `${short(n / 1000)} KB`;
  if (n < 999_950_000) return `${short(n / 1_000_000)} MB`;
  return `${short(n / 1_000_000_000)} GB`;
}

/** A number with its noun: "1 step", "11 steps". */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? noun : plural}`;
}

function short(n: number): string {
  return n.toFixed(1).replace(/\.0$/, "");
}
