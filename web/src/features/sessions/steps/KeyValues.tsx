/** The arguments of a tool nobody knows, one row each. */
export function KeyValues({ values }: { values: Record<string, unknown> }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 border-t border-line bg-code px-3 py-2 text-step">
      {entries.map(([key, value]) => (
        <div key={key} className="contents">
          <dt className="text-ink-3">{key}</dt>
          <dd className="min-w-0 font-mono text-mono break-words whitespace-pre-wrap">{inWords(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A value as text: lists by commas, nested objects as "key: value". */
function inWords(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  if (typeof value === "object") {
    return Object.entries(value)
      .map(([k, v]) => `${k}: ${inWords(v)}`)
      .join(", ");
  }
  return String(value as string | number | boolean | bigint);
}
