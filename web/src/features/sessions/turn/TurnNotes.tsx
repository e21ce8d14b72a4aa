import { CircleAlert, Clock } from "lucide-react";
import type { RunWaiting, Turn } from "@/lib/timeline";
import { useNow } from "@/lib/useNow";
import { Button, CopyButton, Note } from "@/ui";

/** The model can't be had just now: how long the run waits, and that waiting is free. */
export function RetryNote({ waiting }: { waiting: RunWaiting }) {
  const now = useNow();
  const seconds = Math.max(0, Math.ceil((waiting.until - now) / 1000));
  const when = seconds > 0 ? `Trying again in ${seconds} s` : "Trying again";
  return (
    <article data-row tabIndex={-1} aria-label="The run waits for the model" className="turn-row">
      <Note tone="warn" icon={<Clock size={16} strokeWidth={1.75} aria-hidden />} title={<span className="tabular">{`${waitingCause(waiting.reason)} ${when}`}</span>}>
        Attempt {waiting.attempt} of {waiting.of}. Waiting costs nothing.
      </Note>
    </article>
  );
}

function waitingCause(reason: string | undefined): string {
  return /network|connect|reach|dns|timeout|timed out|reset|refused|eof|cut/i.test(reason ?? "")
    ? "The model can't be reached."
    : "The model is busy.";
}

/** The run failed: the cause in one sentence, what is safe, and the way on. */
export function FailureNote({ turn, onRetry }: { turn: Turn; onRetry?(): void }) {
  const failure = turn.failure;
  if (!failure) return null;
  return (
    <article data-row tabIndex={-1} aria-label={`Failed: ${failureSentence(failure)}`} className="turn-row">
      <Note
        tone={turn.state === "limit" ? "warn" : "bad"}
        icon={<CircleAlert size={16} strokeWidth={1.75} aria-hidden />}
        title={failureSentence(failure)}
        actions={
          <>
            {onRetry && (
              <Button size="sm" onClick={onRetry}>
                Try again
              </Button>
            )}
            <CopyButton size="sm" look="quiet" text={failure.details}>
              Copy details
            </CopyButton>
          </>
        }
      >
        {turn.checkpoint ? `The work so far is checkpoint ${turn.checkpoint.version ?? ""}.` : "Files and chat are safe."}
      </Note>
    </article>
  );
}

/** The cause of a failure as one sentence that says where the way out is. */
export function failureSentence(failure: { code?: string; message: string }): string {
  const { code = "", message } = failure;
  if (/model_key|authentication|permission_error|api_40[13]\b|unauthorized/.test(code)) return "The model key was refused. Check ANTHROPIC_API_KEY.";
  if (/overloaded|rate_limit|model_busy|api_(429|529)/.test(code)) return "The model stayed busy through all attempts.";
  if (/refusal/.test(code)) return "The model declined this prompt.";
  if (/error_max_(turns|steps)/.test(code)) return "This run reached its limit of model calls.";
  if (/error_max_budget/.test(code)) return "This run reached its limit of money.";
  if (/error_max_duration/.test(code)) return "This run reached its limit of time.";
  const sentence = message.trim().split("\n", 1)[0] ?? "";
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
