import { Check, Circle, CircleDot } from "lucide-react";
import type { Todo } from "@/lib/timeline";

const marks = {
  completed: { icon: Check, word: "done", look: "text-ok" },
  in_progress: { icon: CircleDot, word: "now", look: "text-accent-text" },
  pending: { icon: Circle, word: "open", look: "text-ink-3" },
} as const;

/** The plan as a checklist. */
export function PlanItems({ plan }: { plan: Todo[] }) {
  return (
    <ul className="flex flex-col gap-1 py-1 text-step">
      {plan.map((todo, i) => {
        const { icon: Icon, word, look } = marks[todo.status];
        return (
          <li key={i} className="flex gap-2">
            <Icon size={14} strokeWidth={2} aria-hidden className={`mt-0.5 shrink-0 ${look}`} />
            <span className={todo.status === "completed" ? "text-ink-2" : undefined}>
              <span className="sr-only">{word}: </span>
              {todo.content}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
