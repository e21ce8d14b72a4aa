import { ListEnd } from "lucide-react";
import type { QueuedPrompt } from "@/lib/timeline";
import type { PendingPrompt } from "../usePrompts";

export type QueueBoxProps = { queued: QueuedPrompt[]; sending: PendingPrompt[]; sandboxReady: boolean };

/** Prompts that wait for their turn, in order. */
export function QueueBox({ queued, sending, sandboxReady }: QueueBoxProps) {
  if (queued.length + sending.length === 0) return null;
  const row = (key: string | number, text: string, state: string) => (
    <li key={key} className="flex min-h-9 items-center gap-2 border-b border-line px-3 py-1 text-step">
      <ListEnd size={16} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink-2" />
      <span className="min-w-0 flex-1 truncate" dir="auto">
        {text}
      </span>
      <span className="shrink-0 text-meta text-ink-2">{state}</span>
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
