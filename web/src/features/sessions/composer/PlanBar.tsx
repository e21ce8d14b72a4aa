import { ChevronDown, ChevronUp } from "lucide-react";
import { useEffect, useState } from "react";
import { cx } from "@/lib/cx";
import type { Todo } from "@/lib/timeline";
import { PlanItems } from "./PlanItems";

const looks: Record<Todo["status"], string> = { completed: "bg-ok", in_progress: "bg-accent", pending: "bg-line" };

/** The plan of the run that works, pinned on the prompt box; it goes 3 s after all of it is done. */
export function PlanBar({ plan }: { plan: Todo[] }) {
  const [open, setOpen] = useState(false);
  const done = plan.filter((t) => t.status === "completed").length;
  const gone = useGone(done === plan.length);
  if (gone || plan.length === 0) return null;
  const now = plan.find((t) => t.status === "in_progress") ?? plan.find((t) => t.status === "pending") ?? plan.at(-1);
  const Chevron = open ? ChevronDown : ChevronUp;
  return (
    <div className="border-b border-line">
      {open && (
        <div className="max-h-[30dvh] overflow-y-auto border-b border-line px-3 py-1.5">
          <PlanItems plan={plan} />
        </div>
      )}
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="touch-target flex h-9 w-full items-center gap-3 rounded-t-box px-3 text-start text-step -outline-offset-2"
      >
        <span className="sr-only">{`Plan, ${done} of ${plan.length} done, now: ${now?.content ?? ""}`}</span>
        <span aria-hidden className="flex shrink-0 gap-1">
          {plan.slice(0, 8).map((t, i) => (
            <span key={i} className={cx("keep-color h-1 w-4 rounded-full", looks[t.status])} />
          ))}
        </span>
        <span aria-hidden className="min-w-0 flex-1 truncate font-medium">
          {now?.content}
        </span>
        <span aria-hidden className="tabular shrink-0 text-ink-2">
          {done} of {plan.length}
        </span>
        <Chevron size={16} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink-2" />
      </button>
    </div>
  );
}

function useGone(done: boolean): boolean {
  const [gone, setGone] = useState(false);
  useEffect(() => {
    if (!done) {
      setGone(false);
      return;
    }
    const timer = setTimeout(() => setGone(true), 3000);
    return () => clearTimeout(timer);
  }, [done]);
  return gone;
}
