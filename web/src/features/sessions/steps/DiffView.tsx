import { memo, useState } from "react";
import { cx } from "@/lib/cx";
import { highlightLines } from "@/lib/highlight";
import type { PatchLine } from "@/lib/timeline";
import { Tokens } from "../parts/Code";
import { ShowAll } from "./ShowAll";

const few = 12;
const most = 400;

/** Changed lines with a little of what stands around them. Sign and tint both say which is which. */
export const DiffView = memo(function DiffView({ lines, name }: { lines: PatchLine[]; name?: string }) {
  const [all, setAll] = useState(false);
  if (lines.length === 0) return <p className="step-note">No lines changed.</p>;
  const shown = all ? lines.slice(0, most) : lines.slice(0, few);
  const colours = highlightLines(shown.map((l) => l.text).join("\n"), name);
  return (
    <>
      <div className="code-box" role="group" aria-label="Changed lines">
        {shown.map((line, i) => (
          <DiffLine key={i} line={line} tokens={colours[i] ?? []} />
        ))}
      </div>
      {!all && lines.length > few && <ShowAll count={lines.length} onClick={() => setAll(true)} />}
      {all && lines.length > most && (
        <p className="step-note">
          The first {most} of {lines.length} lines.
        </p>
      )}
    </>
  );
});

function DiffLine({ line, tokens }: { line: PatchLine; tokens: Parameters<typeof Tokens>[0]["tokens"] }) {
  if (line.sign === "@") return <div className="px-3 text-ink-3 select-none">⋯</div>;
  return (
    <div
      className={cx(
        "flex px-3 whitespace-pre-wrap",
        line.sign === "+" && "bg-diff-add",
        line.sign === "-" && "bg-diff-del",
      )}
    >
      <span className={cx("w-4 shrink-0 select-none", line.sign === "+" && "text-ok", line.sign === "-" && "text-bad")}>
        {line.sign !== " " && <span className="sr-only">{line.sign === "+" ? "added " : "removed "}</span>}
        <span aria-hidden>{line.sign === "-" ? "−" : line.sign}</span>
      </span>
      <code className="min-w-0">
        <Tokens tokens={tokens} />
      </code>
    </div>
  );
}
