import { ArrowDown } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Turn } from "@/lib/timeline";
import { Loading, Skeleton } from "@/ui";
import { TurnView } from "../turn/TurnView";
import { PromptBlock } from "../turn/PromptBlock";
import type { ComingPrompt } from "../useComing";
import { HoldPlace } from "./HoldPlace";
import { useOlder } from "./useOlder";
import { useRows } from "./useRows";
import type { Stick } from "./useStickToEnd";

export type FeedProps = {
  turns: Turn[];
  /** Number of the first turn that is loaded, from 1. */
  firstNumber: number;
  loading: boolean;
  /** Asks for older rows; absent at the beginning of the session. */
  older?: () => void;
  complete: boolean;
  /** Own prompts that are on their way, or whose run begins in a moment. */
  sending: ComingPrompt[];
  initial: string;
  stick: Stick;
  empty: ReactNode;
};

/** The session from the oldest loaded row to the newest. Not a live region: the status says what happens. */
export function Feed({ turns, firstNumber, loading, older, complete, sending, initial, stick, empty }: FeedProps) {
  const { scroller, content, stuck, atEnd, toEnd } = stick;
  useOlder(scroller, older);
  const onKeyDown = useRows(content, atEnd);
  const nothing = !loading && turns.length === 0 && sending.length === 0;
  return (
    <div className="relative flex min-h-0 flex-1 flex-col short:min-h-28 short:shrink-0">
      <div ref={scroller} className="min-h-0 flex-1 overflow-y-auto overscroll-contain" data-feed>
        <div ref={content} className="flex min-h-full flex-col justify-end pb-3">
          {loading && <FeedSkeleton />}
          {nothing && empty}
          {complete && turns.length > 0 && (
            <p className="mt-auto px-10 py-4 text-meta text-ink-3">Beginning of this session</p>
          )}
          <HoldPlace scroller={scroller} firstKey={turns[0]?.items[0]?.key ?? turns[0]?.key}>
            <div {...(turns.length + sending.length > 0 ? feed : {})} onKeyDown={onKeyDown}>
              {turns.map((turn, i) => (
                <TurnView key={turn.key} turn={turn} number={firstNumber + i} last={i === turns.length - 1} />
              ))}
              {sending.map((p) => (
                <div key={p.id} className="turn">
                  <PromptBlock
                    text={p.text}
                    initial={initial}
                    title={`Prompt: ${p.text.slice(0, 60)}`}
                    sending={p.sending}
                  />
                </div>
              ))}
            </div>
          </HoldPlace>
        </div>
      </div>
      {!stuck && <NewPill turns={turns} onClick={toEnd} />}
    </div>
  );
}

// A feed without articles is none.
const feed = { role: "feed", "aria-label": "Prompts and answers" } as const;

/** Brings the reader back to the end, and counts what came meanwhile. */
function NewPill({ turns, onClick }: { turns: Turn[]; onClick(): void }) {
  const [before] = useState(() => ({ key: turns.at(-1)?.key, blocks: blocks(turns.at(-1)) }));
  const from = turns.findLastIndex((t) => t.key === before.key);
  const fresh = turns.slice(from).reduce((n, t) => n + blocks(t), 0) - before.blocks;
  return (
    <button
      type="button"
      onClick={onClick}
      className="touch-target tabular absolute bottom-2 left-1/2 z-20 inline-flex h-7 -translate-x-1/2 animate-rise items-center gap-1.5 rounded-full border border-line bg-raised px-3 text-meta font-medium text-ink shadow-pop hover:bg-sunken"
    >
      <ArrowDown size={14} strokeWidth={1.75} aria-hidden />
      <span className="sr-only">{fresh > 0 ? `${fresh} new, go to the end` : "Go to the end"}</span>
      <span aria-hidden>{fresh > 0 ? `New · ${fresh}` : "End"}</span>
    </button>
  );
}

function blocks(turn: Turn | undefined): number {
  if (!turn) return 0;
  return turn.items.reduce((n, i) => n + (i.type === "steps" ? i.entries.length : 1), 0) + (turn.footer ? 1 : 0);
}

function FeedSkeleton() {
  return (
    <Loading what="the session" className="flex flex-col gap-4 px-10 pt-6">
      <Skeleton className="h-10 w-full" />
      <Skeleton className="h-4 w-4/5" />
      <Skeleton className="h-4 w-3/5" />
      <Skeleton className="h-8 w-full" />
    </Loading>
  );
}
