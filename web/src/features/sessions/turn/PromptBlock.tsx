import { memo, type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { cx } from "@/lib/cx";
import { fullTime } from "@/lib/time";
import { linkButtonClass } from "@/ui";
import { CopyIcon } from "../parts/CopyIcon";

const foldedChars = 4000;
const foldedLines = 12;
// A taller prompt would cover what scrolls under it.
const stickyHeight = 112;

export type PromptBlockProps = {
  text: string;
  at?: number;
  initial: string;
  title: string;
  /** On its way to the server. */
  sending?: boolean;
  /** Out of sight: without what can be pressed. */
  bare?: boolean;
};

/** What a person asked for: plain text, at the head of its run and in sight while that scrolls. */
export const PromptBlock = memo(function PromptBlock({ text, at, initial, title, sending, bare }: PromptBlockProps) {
  const body = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const [tall, setTall] = useState({ folds: false, sticky: true });
  useLayoutEffect(() => {
    const box = body.current;
    if (!box || open) return;
    const folds =
      box.scrollHeight > box.clientHeight + 1 || text.split("\n").length > foldedLines || text.length > foldedChars;
    setTall({ folds, sticky: box.clientHeight <= stickyHeight });
  }, [text, open]);
  return (
    <article
      data-row
      tabIndex={-1}
      aria-label={`Prompt: ${text.slice(0, 200)}`}
      className={cx("group turn-row turn-prompt pt-3", tall.sticky && !open && "sticky top-0 z-10 bg-bg short:static")}
    >
      <h2 className="sr-only">{title}</h2>
      <span aria-hidden className="rail-node top-[18px] bg-prompt text-ink-2">
        {initial}
      </span>
      <div className="relative rounded-card bg-prompt px-3 py-2.5">
        <div
          ref={body}
          dir="auto"
          className={cx("text-body break-words whitespace-pre-wrap", !open && "line-clamp-12")}
        >
          {withLinks(open ? text : text.slice(0, foldedChars))}
        </div>
        {tall.folds && (
          <button
            type="button"
            aria-expanded={open}
            className={cx(linkButtonClass, "mt-1 text-step text-accent-text")}
            onClick={() => setOpen(!open)}
          >
            {open ? "Show less" : "Show all"}
          </button>
        )}
        {sending && (
          <p className="absolute right-1.5 bottom-1.5 rounded-icon bg-prompt px-1.5 text-meta text-ink-2">Sending</p>
        )}
        {!sending && !bare && (
          <div className="absolute top-1.5 right-1.5 flex items-center gap-1 rounded-icon bg-prompt pl-2 text-meta text-ink-2 opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 group-focus:opacity-100">
            {at !== undefined && <time dateTime={new Date(at).toISOString()}>{fullTime(at)}</time>}
            <CopyIcon text={text} label="Copy prompt" className="size-6" />
          </div>
        )}
      </div>
    </article>
  );
});

const address = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;

function withLinks(text: string): ReactNode {
  const parts: ReactNode[] = [];
  let from = 0;
  for (const m of text.matchAll(address)) {
    parts.push(
      text.slice(from, m.index),
      <a
        key={m.index}
        href={m[0]}
        target="_blank"
        rel="noopener noreferrer nofollow"
        className="text-accent-text underline underline-offset-2"
      >
        {m[0]}
      </a>,
    );
    from = m.index + m[0].length;
  }
  return from === 0 ? text : [...parts, text.slice(from)];
}
