/** Numbers as the workspace writes them. */

/** "0.4 s", "6 s", "1 min 5 s", "2 h 3 min" */
export function duration(ms: number): string {
  if (ms < 0) ms = 0;
  if (ms < 950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return s % 60 ? `${min} min ${s % 60} s` : `${min} min`;
  return min % 60 ? `${Math.floor(min / 60)} h ${min % 60} min` : `${Math.floor(min / 60)} h`;
}

/** A duration that counts: whole seconds, never rounded up. */
export function counted(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  return `${Math.floor(s / 60)} min ${s % 60} s`;
}

/** A duration measured to the tenth below ten seconds: "4.1 s". */
export function measured(ms: number): string {
  return ms < 9950 && ms >= 0 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}

/** "0:21", "12:03", "1:02:03" */
export function clock(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const rest = `${two(s % 60)}`;
  return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${rest}` : `${Math.floor(s / 60)}:${rest}`;
}

/** "812", "31.2k", "28k", "1.2M" */
export function amount(n: number): string {
  if (n < 1000) return String(n);
  const [v, unit] = n < 999_950 ? [n / 1000, "k"] : [n / 1_000_000, "M"];
  return `${v.toFixed(1).replace(/\.0$/, "")}${unit}`;
}

/** "$0.084", "$1.20"; below a dollar three digits, so that small runs are not all alike. */
export function money(usd: number): string {
  if (usd === 0) return "$0.00";
  if (usd < 0.0005) return "< $0.001";
  return `$${usd.toFixed(usd < 1 ? 3 : 2)}`;
}

/** "812 B", "2.1 MB" */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${i === 0 || n >= 10 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

/** "1 file", "5 files" */
export function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
