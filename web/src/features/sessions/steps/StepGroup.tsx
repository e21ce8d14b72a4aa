import { ChevronDown, ChevronRight, ListCollapse } from "lucide-react";
import { memo, useCallback, useState } from "react";
import { type Entry, fold } from "@/lib/timeline";
import { StepRow } from "./StepRow";
import { ThoughtRow } from "./ThoughtRow";

export type StepGroupProps = {
  entries: Entry[];
  /** The run had ended when this group was first drawn. */
  settled: boolean;
  /** The step that is opened without being asked. */
  autoOpen?: string;
};

/** Steps one after the other; of more than four the older ones fold into a line as they come. */
export const StepGroup = memo(function StepGroup({ entries, settled, autoOpen }: StepGroupProps) {
  const [choices, setChoices] = useState<Record<string, boolean>>({});
  const [unfolded, setUnfolded] = useState(false);
  const isOpen = (e: Entry) => choices[e.key] ?? (e.key === autoOpen || opensItself(e));
  const folded = fold(entries, { settled, keep: (key) => choices[key] === true });
  const onToggle = useCallback((key: string, open: boolean) => setChoices((c) => ({ ...c, [key]: open })), []);
  const rows = unfolded ? entries : folded.shown;
  return (
    <article aria-label="Steps" className="step-group">
      {folded.hidden.length > 0 && (
        <FoldLine
          title={folded.title}
          summary={folded.summary}
          open={unfolded}
          onToggle={() => setUnfolded(!unfolded)}
        />
      )}
      {rows.map((e) =>
        e.type === "step" ? (
          <StepRow key={e.key} step={e} open={isOpen(e)} onToggle={onToggle} />
        ) : (
          <ThoughtRow key={e.key} thought={e} open={choices[e.key] ?? false} onToggle={onToggle} />
        ),
      )}
    </article>
  );
});

/** A failed command shows its output at once: it is what the reader needs next. */
function opensItself(e: Entry): boolean {
  return e.type === "step" && e.name === "Bash" && e.state === "failed";
}

function FoldLine({
  title,
  summary,
  open,
  onToggle,
}: {
  title: string;
  summary: string;
  open: boolean;
  onToggle(): void;
}) {
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <button type="button" data-row tabIndex={-1} aria-expanded={open} onClick={onToggle} className="step-row">
      <ListCollapse size={16} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink-2" />
      <span className="shrink-0 font-medium text-ink-2">{title}</span>
      <span className="tabular ml-auto min-w-0 truncate pl-2 text-meta text-ink-2">{summary}</span>
      <Chevron size={14} strokeWidth={1.75} aria-hidden className="-mr-0.5 shrink-0 text-ink-3" />
    </button>
  );
}
