import { memo, useMemo, useState } from "react";
import { type AnsiColor, type AnsiSpan, parseAnsi } from "@/lib/ansi";
import { cx } from "@/lib/cx";
import { ShowAll } from "./ShowAll";

// The colours of a terminal, from those of code: none of them means a state of the workspace.
const colours: Record<AnsiColor, string> = {
  black: "text-ink-3",
  red: "text-bad",
  green: "text-ok",
  yellow: "text-warn",
  blue: "text-syn-fn",
  magenta: "text-syn-key",
  cyan: "text-accent-text",
  white: "text-ink",
};

const few = 8;
const half = 200;

/** Output of a command: its last lines, or all of it (of long output the head and the tail). */
export const OutputView = memo(function OutputView({ text, live }: { text: string; live?: boolean }) {
  const [all, setAll] = useState(false);
  const lines = useMemo(() => text.replace(/\s+$/, "").split("\n"), [text]);
  if (text.trim() === "") return live ? null : <p className="step-note">No output.</p>;
  const long = all && lines.length > 2 * half;
  const parts = !all ? [lines.slice(-few)] : long ? [lines.slice(0, half), lines.slice(-half)] : [lines];
  return (
    <>
      {!all && lines.length > few && !live && <ShowAll count={lines.length} onClick={() => setAll(true)} />}
      <pre className="code-box px-3">
        {parts.map((part, i) => (
          <code key={i}>
            {i > 0 && <span className="text-ink-3 select-none">{`\n⋯ ${lines.length - 2 * half} lines\n`}</span>}
            <Spans spans={parseAnsi(part.join("\n"))} />
          </code>
        ))}
      </pre>
    </>
  );
});

function Spans({ spans }: { spans: AnsiSpan[] }) {
  return spans.map((s, i) => (
    <span
      key={i}
      className={cx(
        s.color && colours[s.color],
        s.bold && "font-semibold",
        s.dim && !s.color && "text-ink-3",
        s.underline && "underline",
      )}
    >
      {s.text}
    </span>
  ));
}
