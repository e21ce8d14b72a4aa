import { useEffect, useState } from "react";
import type { QueuedPrompt } from "@/lib/timeline";
import type { PendingPrompt } from "./usePrompts";

/** A prompt that stands at the end of the feed before its run has begun. */
export interface ComingPrompt {
  id: string;
  text: string;
  sending: boolean;
}

// A run that nothing holds up begins sooner than this.
const patience = 1000;

/**
 * Where prompts stand whose run has not begun. One that nothing holds up goes into the feed at once: through the
 * queue box it would only jump. What waits longer, or behind another, stands in the box.
 */
export function useComing(queued: QueuedPrompt[], pending: PendingPrompt[], held: boolean) {
  const [late, setLate] = useState<string>();
  const first = queued[0]?.key;
  useEffect(() => {
    if (!first) return;
    const timer = setTimeout(() => setLate(first), patience);
    return () => clearTimeout(timer);
  }, [first]);

  const brief = !held && queued.length === 1 && first !== late ? queued : [];
  const waits = held || queued.length > brief.length;
  const feed: ComingPrompt[] = [
    ...brief.map((q) => ({ id: q.key, text: q.text, sending: false })),
    ...(waits ? [] : pending.map((p) => ({ id: String(p.id), text: p.text, sending: true }))),
  ];
  return { feed, queued: brief.length > 0 ? [] : queued, sending: waits ? pending : [] };
}
