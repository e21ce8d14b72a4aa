import { cx } from "@/lib/cx";

/** A path or command in one line: what doesn't fit is cut in the middle, so that the end can be read. */
export function Target({ text, className }: { text: string; className?: string }) {
  const at = splitAt(text);
  return (
    <span className={cx("flex min-w-0 font-mono text-mono whitespace-pre", className)}>
      <span className="min-w-0 truncate">{text.slice(0, at)}</span>
      <span className="shrink-0">{text.slice(at)}</span>
    </span>
  );
}

const end = 14;

function splitAt(text: string): number {
  if (text.length < 24) return text.length;
  const slash = text.lastIndexOf("/");
  // The name of a file is kept whole unless it is long itself.
  if (slash > 0 && text.length - slash <= 24 && !text.includes(" ")) return slash;
  return text.length - end;
}
