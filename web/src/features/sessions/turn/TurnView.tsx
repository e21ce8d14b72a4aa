import { memo, useRef, useState } from "react";
import { LiveNode } from "@/ui";
import { hasMovingPart, type Item, type Turn } from "@/lib/timeline";
import { Seconds } from "../parts/Seconds";
import { StepGroup } from "../steps/StepGroup";
import { ThoughtRow } from "../steps/ThoughtRow";
import { useChat } from "../ChatContext";
import { useFar } from "../feed/useFar";
import { PlanLine } from "./PlanLine";
import { PromptBlock } from "./PromptBlock";
import { RunProvider } from "./RunContext";
import { TextBlock } from "./TextBlock";
import { TurnFooter } from "./TurnFooter";
import { FailureNote, RetryNote } from "./TurnNotes";

export type TurnViewProps = { turn: Turn; number: number; last: boolean };

/** One run: its prompt, what the agent said and did, and how it ended. */
export const TurnView = memo(function TurnView({ turn, number, last }: TurnViewProps) {
  const { initial } = useChat();
  const root = useRef<HTMLDivElement>(null);
  const working = turn.state === "working";
  const [settled] = useState(!working);
  const autoOpen = useAutoOpen(turn);
  const far = useFar(root, working || last);
  return (
    <RunProvider value={turn.runId}>
      <div
        ref={root}
        className="turn"
        data-turn={turn.key}
        data-working={working || undefined}
        data-last={last || undefined}
        style={far === undefined ? undefined : { height: far, overflow: "clip" }}
      >
        {turn.prompt && (
          <PromptBlock
            text={turn.prompt.text}
            at={turn.prompt.at}
            initial={initial}
            title={`Prompt ${number}: ${turn.prompt.text.slice(0, 60)}`}
            bare={far !== undefined}
          />
        )}
        {far === undefined ? (
          <TurnBody turn={turn} last={last} settled={settled} autoOpen={autoOpen} />
        ) : (
          <FarBody turn={turn} />
        )}
      </div>
    </RunProvider>
  );
});

type TurnBodyProps = { turn: Turn; last: boolean; settled: boolean; autoOpen: string | undefined };

function TurnBody({ turn, last, settled, autoOpen }: TurnBodyProps) {
  const chat = useChat();
  const working = turn.state === "working";
  return (
    <div className="turn-body">
      {turn.items.map((item) => (
        <ItemView key={item.key} item={item} settled={settled} autoOpen={autoOpen} />
      ))}
      {working && <Tail turn={turn} />}
      {!working && turn.plan && turn.plan.length > 0 && <PlanLine plan={turn.plan} />}
      {turn.checkpoint && chat.renderCheckpoint(turn.checkpoint, turn)}
      <FailureNote turn={turn} last={last} />
      <TurnFooter turn={turn} />
      {working && (
        <span className="rail-node bottom-3.5 bg-accent-soft text-accent-text">
          <LiveNode />
        </span>
      )}
    </div>
  );
}

/** A run out of sight: what was said in it can still be found in the page and read on by screen readers. */
function FarBody({ turn }: { turn: Turn }) {
  const texts = turn.items.flatMap((item) => (item.type === "text" ? [item.text] : []));
  const { checkpoint } = turn;
  if (checkpoint) texts.push(`Checkpoint ${checkpoint.version ?? ""} ${checkpoint.message ?? ""}`);
  return (
    <article aria-label="Answer" className="text-body whitespace-pre-wrap">
      {texts.join("\n\n")}
    </article>
  );
}

function ItemView({ item, settled, autoOpen }: { item: Item; settled: boolean; autoOpen?: string }) {
  switch (item.type) {
    case "text":
      return <TextBlock text={item.text} cut={item.cut} />;
    case "thought":
      return <LoneThought thought={item} />;
    case "steps":
      return (
        <div className="turn-row">
          <StepGroup entries={item.entries} settled={settled} autoOpen={autoOpen} />
        </div>
      );
    case "remark":
      return <Remark text={item.text} />;
  }
}

function LoneThought({ thought }: { thought: Extract<Item, { type: "thought" }> }) {
  const [open, setOpen] = useState(false);
  return (
    <article aria-label="Thought" className="turn-row">
      <ThoughtRow thought={thought} open={open} onToggle={(_, next) => setOpen(next)} bare />
    </article>
  );
}

function Remark({ text }: { text: string }) {
  return (
    <article data-row tabIndex={-1} aria-label={text} className="turn-row flex items-center gap-3 text-meta text-ink-2">
      <span aria-hidden className="h-px w-4 bg-line" />
      {text}
      <span aria-hidden className="h-px flex-1 bg-line" />
    </article>
  );
}

/** What the run does when no block of its own tells it: it waits for the model, thinks, or is being stopped. */
function Tail({ turn }: { turn: Turn }) {
  const run = turn.run;
  if (run?.stopRequestedAt) return <TailRow words="Stopping" />;
  if (run?.status === "waiting" && run.waiting) return <RetryNote waiting={run.waiting} />;
  if (hasMovingPart(turn.items)) return null;
  return <TailRow words="Thinking" since={run?.activity?.startedAt ?? (turn.lastAt || run?.startedAt)} />;
}

function TailRow({ words, since }: { words: string; since?: number }) {
  return (
    <article
      data-row
      tabIndex={-1}
      aria-label={words}
      className="turn-row flex h-8 items-center gap-2 text-step text-accent-text"
    >
      {words}
      {since !== undefined && (
        <span className="tabular text-meta text-ink-2">
          <Seconds since={since} />
        </span>
      )}
    </article>
  );
}

/**
 * The newest edit opens by itself, but only while the reader is at the end; after that it
 * stays as it is, so that nothing moves under somebody who reads further up.
 */
function useAutoOpen(turn: Turn): string | undefined {
  const chat = useChat();
  const [seen, setSeen] = useState<{ newest?: string; open?: string }>({});
  const newest = turn.state === "working" ? newestEdit(turn.items) : seen.newest;
  if (newest !== seen.newest) setSeen({ newest, open: chat.atEnd() ? newest : seen.open });
  return seen.open;
}

function newestEdit(items: Item[]): string | undefined {
  for (const item of items.toReversed()) {
    if (item.type !== "steps") continue;
    const edit = item.entries.findLast((e) => e.type === "step" && e.state === "done" && /^(Multi)?Edit$/.test(e.name));
    if (edit) return edit.key;
  }
  return undefined;
}
