import { lazy, memo, Suspense } from "react";

// The parser comes after the preview's frame was asked for; until then text stands as it was written.
const load = () => import("../markdown/Markdown");
const Markdown = lazy(() => load().then((m) => ({ default: m.Markdown })));

/** Fetches the parser before the first text needs it. */
export function preloadMarkdown(): void {
  void load();
}

export type TextBlockProps = { text: string; cut: boolean };

/** What the agent says. The same element holds the text while it streams and when it is stored. */
export const TextBlock = memo(function TextBlock({ text, cut }: TextBlockProps) {
  return (
    <article
      data-row
      tabIndex={-1}
      aria-label={`Agent: ${text.slice(0, 80)}`}
      dir="auto"
      className="turn-row text-body"
    >
      <Suspense fallback={<p className="whitespace-pre-wrap">{text}</p>}>
        <Markdown text={text} />
      </Suspense>
      {cut && <p className="mt-1 text-meta text-ink-3">cut off here</p>}
    </article>
  );
});
