/** The lines, from 1, of `after` that differ from `before`: what lies between the equal head and the equal tail. */
export function changedLines(before: string, after: string): { from: number; to: number } | undefined {
  if (before === after) return undefined;
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const to = b.length - tail;
  return to > head ? { from: head + 1, to } : undefined;
}
