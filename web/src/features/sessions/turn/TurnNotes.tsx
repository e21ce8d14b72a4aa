import { CircleAlert, Clock } from "lucide-react";
import type { RunWaiting, Turn } from "@/lib/timeline";
import { useNow } from "@/lib/useNow";
import { Button, CopyButton, Note } from "@/ui";
import { useChat } from "../ChatContext";

/** The model can't be had just now: how long the run waits, and that waiting is free. */
export function RetryNote({ waiting }: { waiting: RunWaiting }) {
  const now = useNow();
  const seconds = Math.max(0, Math.ceil((waiting.until - now) / 1000));
  const when = seconds > 0 ? `Trying again in\u00a0${seconds}\u00a0s` : "Trying again";
  return (
    <article data-row tabIndex={-1} aria-label="The run waits for the model" className="turn-row">
      <Note
        tone="warn"
        icon={<Clock size={16} strokeWidth={1.75} aria-hidden />}
        title={<span className="tabular">{`${waitingCause(waiting.reason)} ${when}`}</span>}
      >
        Attempt {waiting.attempt} of {waiting.of}. Waiting costs nothing.
      </Note>
    </article>
  );
}

// The agent gives the cause as a sentence; anything else is a name that says nothing to people.
function waitingCause(reason: string | undefined): string {
  return reason && /\s/.test(reason) && /[.!?]$/.test(reason) ? reason : "The model is busy.";
}

/** The run failed: the cause in one sentence, what is safe, and the way on. */
export function FailureNote({ turn, last }: { turn: Turn; last: boolean }) {
  const failure = turn.failure;
  if (!failure) return null;
  const way = last && turn.prompt ? <WayOn turn={turn} /> : undefined;
  return (
    <article data-row tabIndex={-1} aria-label={`Failed: ${failureSentence(failure)}`} className="turn-row">
      <Note
        tone={turn.state === "limit" ? "warn" : "bad"}
        icon={<CircleAlert size={16} strokeWidth={1.75} aria-hidden />}
        title={failureSentence(failure)}
        actions={
          <>
            {way}
            <CopyButton size="sm" look={way ? "quiet" : "plain"} text={failure.details}>
              Copy details
            </CopyButton>
          </>
        }
      >
        {whatIsSafe(turn)}
      </Note>
    </article>
  );
}

function whatIsSafe(turn: Turn): string | undefined {
  if (turn.checkpoint) return `The work so far is checkpoint ${turn.checkpoint.version ?? ""}.`;
  // Some causes say it themselves.
  return /\b(safe|lost)\b/.test(turn.failure?.message ?? "") ? undefined : "Files and chat are safe.";
}

/** A session that has outgrown its model fails on every try: there only a new one helps, and takes the prompt along. */
function WayOn({ turn }: { turn: Turn }) {
  const chat = useChat();
  const full = isTooLong(turn.failure?.code);
  return (
    <Button size="sm" onClick={() => (full ? chat.startAnew(turn.prompt?.text ?? "") : chat.retry(turn))}>
      {full ? "New session" : "Try again"}
    </Button>
  );
}

function isTooLong(code = ""): boolean {
  return /too_long/.test(code);
}

/** The cause of a failure as one sentence that says where the way out is. */
export function failureSentence(failure: { code?: string; message: string }): string {
  const { code = "", message } = failure;
  if (/key_refused|authentication|api_40[13]\b/.test(code))
    return "The model key was refused. Check ANTHROPIC_API_KEY.";
  if (/api_(429|529)/.test(code)) return "The model stayed busy through all attempts.";
  const sentence = message.trim().split("\n", 1)[0] ?? "";
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
