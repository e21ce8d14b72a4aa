import {
  ChevronDown,
  ChevronRight,
  FileSearch,
  FileText,
  Pencil,
  Search,
  SquareTerminal,
  Wrench,
  X,
} from "lucide-react";
import { memo, type ReactNode } from "react";
import { cx } from "@/lib/cx";
import { type Right, type Step, type StepIcon, stepWords } from "@/lib/timeline";
import { Seconds } from "../parts/Seconds";
import { hasDetails, StepDetails } from "./StepDetails";
import { Target } from "./Target";

const icons: Record<StepIcon, typeof X> = {
  read: FileText,
  write: Pencil,
  edit: Pencil,
  run: SquareTerminal,
  search: Search,
  tool: Wrench,
};

export type StepRowProps = { step: Step; open: boolean; onToggle(key: string, open: boolean): void };

/** One step in one line; what it did opens below. */
export const StepRow = memo(function StepRow({ step, open, onToggle }: StepRowProps) {
  const words = stepWords(step);
  const active = step.state === "running" || step.state === "writing";
  const failed = step.state === "failed";
  const opens = hasDetails(step);
  const Icon = failed && words.right.kind !== "exit" ? X : step.name === "Glob" ? FileSearch : icons[words.icon];
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <div data-step className="border-t border-line first:border-t-0">
      <button
        type="button"
        data-row
        tabIndex={-1}
        aria-expanded={opens ? open : undefined}
        onClick={opens ? () => onToggle(step.key, !open) : undefined}
        className="step-row"
      >
        <span className="sr-only">{words.name}</span>
        <span aria-hidden className="contents">
          <Icon
            size={16}
            strokeWidth={1.75}
            aria-hidden
            className={cx("shrink-0", failed ? "text-bad" : active ? "text-accent-text" : "text-ink-2")}
          />
          <span
            className={cx("shrink-0 font-medium", words.error && "text-bad", step.state === "next" && "text-ink-2")}
          >
            {words.verb}
          </span>
          <Target text={words.target} className={active ? "text-accent-text" : "text-ink-2"} />
          {words.error && <span className="min-w-16 flex-[2] truncate text-ink-2">{words.error}</span>}
          <span className="tabular ml-auto flex shrink-0 items-center gap-2 pl-2 text-meta text-ink-2">
            {active && step.state === "running" ? (
              <Seconds since={step.startedAt} />
            ) : (
              <RightSide right={words.right} />
            )}
            {step.state === "denied" && "Not allowed in Ask"}
            {step.state === "cut" && "Stopped"}
            {step.state === "next" && "Next"}
            {opens && <Chevron size={14} strokeWidth={1.75} aria-hidden className="-mr-0.5 text-ink-3" />}
          </span>
        </span>
      </button>
      {open && opens && <StepDetails step={step} />}
    </div>
  );
});

function RightSide({ right }: { right: Right }): ReactNode {
  switch (right.kind) {
    case "text":
      return right.text;
    case "lines":
      return (
        <span className="flex gap-1.5 font-medium">
          <span className="text-ok">+{right.counts.added}</span>
          <span className="text-bad">−{right.counts.removed}</span>
        </span>
      );
    case "exit":
      return (
        <span className="flex items-center gap-1.5 text-bad">
          <X size={14} strokeWidth={2.5} aria-hidden />
          exit {right.code}
          {right.time && ` · ${right.time}`}
        </span>
      );
    default:
      return null;
  }
}
