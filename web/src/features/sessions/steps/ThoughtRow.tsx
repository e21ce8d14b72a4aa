import { Brain, ChevronDown, ChevronRight } from "lucide-react";
import { memo, useEffect, useRef, useState } from "react";
import { duration } from "@/lib/time";
import type { Thought } from "@/lib/timeline";
import { Seconds } from "../parts/Seconds";

export type ThoughtRowProps = {
  thought: Thought;
  open: boolean;
  onToggle(key: string, open: boolean): void;
  bare?: boolean;
};

/** "Thinking" with seconds while it lasts, then "Thought for 9 s"; its text only when opened. */
export const ThoughtRow = memo(function ThoughtRow({ thought, open, onToggle, bare }: ThoughtRowProps) {
  const { since, took } = useThoughtTime(thought);
  const words = thought.live
    ? "Thinking"
    : took === undefined || took < 1000
      ? "Thought"
      : `Thought for ${duration(took)}`;
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <div className={bare ? undefined : "border-t border-line first:border-t-0"}>
      <button
        type="button"
        data-row
        tabIndex={-1}
        aria-expanded={open}
        onClick={() => onToggle(thought.key, !open)}
        className={bare ? "thought-bare" : "step-row"}
      >
        <Brain
          size={16}
          strokeWidth={1.75}
          aria-hidden
          className={thought.live ? "shrink-0 text-accent-text" : "shrink-0 text-ink-2"}
        />
        <span className={thought.live ? "text-accent-text" : "text-ink-2"}>{words}</span>
        {thought.live && (
          <span className="tabular text-meta text-ink-2">
            <Seconds since={since} />
          </span>
        )}
        <Chevron size={14} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink-3" />
      </button>
      {open && (
        <div
          className={
            bare ? "thought-text border-l-2 border-line pl-3" : "thought-text border-t border-line bg-code px-3"
          }
          dir="auto"
        >
          {thought.text.trim()}
        </div>
      )}
    </div>
  );
});

// The stored row doesn't tell how long a thought took: who saw it live has measured it.
function useThoughtTime(thought: Thought): { since: number; took?: number } {
  const [since] = useState(() => Date.now());
  const wasLive = useRef(thought.live);
  const [took, setTook] = useState<number>();
  useEffect(() => {
    if (thought.live) wasLive.current = true;
    else if (wasLive.current) setTook((t) => t ?? Date.now() - since);
  }, [thought.live, since]);
  return { since, took: thought.durationMs ?? took };
}
