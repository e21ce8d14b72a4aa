import { ListEnd } from "lucide-react";
import type { QueuedPrompt } from "@/lib/timeline";
import type { PendingPrompt } from "../usePrompts";

export type QueueBoxProps = { queued: QueuedPrompt[]; sending: PendingPrompt[]; sandboxReady: boolean };

/** Prompts that wait for their turn, in order. */
export function QueueBox({ queued, sending, sandboxReady }: QueueBoxProps) {
  if (queued.length + sending.length === 0) return null;
  const row = (key: string | number, text: string, state: string) => (
    <li key={key} className="flex min-h-9 gap-2 border-b border-line px-3 py-2 text-step">
      <ListEnd size={16} strokeWidth={1.75} aria-hidden className="mt-px shrink-0 text-ink-2" />
      {/* Where both don't fit beside each other, what is waited for stands below the prompt. */}
      <span className="flex min-w-0 flex-1 flex-wrap gap-x-2">
        <span className="min-w-[min(100%,12rem)] flex-1 truncate" dir="auto">
          {text}
        </span>
        <span className="shrink-0 text-meta leading-[18px] text-ink-2">{state}</span>
      </span>
    </li>
  );
  return (
    <ul aria-label="Prompts that wait" className="max-h-[30dvh] overflow-y-auto">
      {queued.map((q, i) => row(q.key, q.text, queueWords(i, sandboxReady)))}
      {sending.map((p) => row(p.id, p.text, "Sending"))}
    </ul>
  );
}

function queueWords(index: number, sandboxReady: boolean): string {
  if (index > 0) return `After ${index} other${index === 1 ? "" : "s"}`;
  return sandboxReady ? "Next" : "Starts when the sandbox is ready";
}
