import { ChevronDown, ChevronRight } from "lucide-react";
import { useState } from "react";
import type { Todo } from "@/lib/timeline";
import { PlanItems } from "../composer/PlanItems";

/** What is left of the plan when its run has ended: "Plan 4 of 4", opening to the list. */
export function PlanLine({ plan }: { plan: Todo[] }) {
  const [open, setOpen] = useState(false);
  const done = plan.filter((t) => t.status === "completed").length;
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <article aria-label="Plan" className="turn-row">
      <button
        type="button"
        data-row
        tabIndex={-1}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="thought-bare text-ink-2"
      >
        Plan{" "}
        <span className="tabular">
          {done} of {plan.length}
        </span>
        <Chevron size={14} strokeWidth={1.75} aria-hidden />
      </button>
      {open && <PlanItems plan={plan} />}
    </article>
  );
}
