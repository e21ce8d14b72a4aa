const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** A span of ms in words for a result: "0.4 s", "48 s", "3 min 12 s", "1 h 4 min". */
export function duration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 1 * second) return `${(span / second).toFixed(1)} s`;
  if (span < 10 * second) return `${trim((span / second).toFixed(1))} s`;
  if (span < 60 * second) return `${Math.floor(span / second)} s`;
  if (span < hour) return pair(Math.floor(span / minute), "min", Math.floor((span % minute) / second), "s");
  return pair(Math.floor(span / hour), "h", Math.floor((span % hour) / minute), "min");
}

/** Whole seconds that are being counted while something works: "6 s", "1 min 5 s". */
export function counting(ms: number): string {
  return duration(Math.floor(Math.max(0, ms) / second) * second || 0).replace("0.0", "0");
}

/** A running clock as the header shows it: "0:21", "12:05", "1:02:05". */
export function clock(ms: number): string {
  const total = Math.floor(Math.max(0, ms) / second);
  const s = String(total % 60).padStart(2, "0");
  const m = Math.floor(total / 60) % 60;
  const h = Math.floor(total / 3600);
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** How long ago: "just now", "4 minutes ago", "yesterday", "12 March", with the year when it is another one. */
export function ago(then: number, now: number): string {
  const span = now - then;
  if (span < minute) return "just now";
  if (span < hour) return plural(Math.floor(span / minute), "minute") + " ago";
  if (span < day && sameDay(then, now)) return plural(Math.floor(span / hour), "hour") + " ago";
  if (sameDay(then, now - day)) return "yesterday";
  if (span < 7 * day) return plural(Math.max(2, Math.floor(span / day)), "day") + " ago";
  const date = new Date(then);
  const year = date.getFullYear() === new Date(now).getFullYear() ? {} : ({ year: "numeric" } as const);
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "long", ...year });
}

/** The full date and time, for titles of `<time>`. */
export function fullTime(then: number): string {
  return new Date(then).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
}

function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

function trim(decimal: string): string {
  return decimal.replace(/\.0$/, "");
}

function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
