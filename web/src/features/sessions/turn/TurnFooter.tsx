import { count, money, tokens } from "@/lib/format";
import { duration } from "@/lib/time";
import type { Footer, Turn } from "@/lib/timeline";

/** "48 s · 12 steps · 31.2k tokens (28k cached) · $0.084", with what became of the run where that isn't plain. */
export function TurnFooter({ turn }: { turn: Turn }) {
  const parts = footerParts(turn);
  if (parts.length === 0) return null;
  return (
    <article data-row tabIndex={-1} aria-label={`Result: ${parts.join(", ")}`} className="turn-row">
      <p className="tabular flex flex-wrap text-meta text-ink-2">
        {parts.map((part, i) => (
          <span key={i} className="whitespace-nowrap">
            {part}
            {i < parts.length - 1 && <span aria-hidden>&nbsp;·&nbsp;</span>}
          </span>
        ))}
      </p>
    </article>
  );
}

function footerParts(turn: Turn): string[] {
  const { footer, state } = turn;
  if (state === "stopped") return ["Stopped by you", ...(footer ? figures(footer, true) : [])];
  if (!footer) return [];
  const nothing = state === "done" && !turn.checkpoint ? ["No files changed"] : [];
  return [...nothing, ...figures(footer, false)];
}

function figures(f: Footer, short: boolean): string[] {
  const parts: string[] = [];
  if (f.durationMs !== undefined) parts.push(duration(f.durationMs));
  if (!short && f.steps > 0) parts.push(count(f.steps, "step"));
  if (!short && f.tokens > 0) {
    const cached = f.cachedTokens > 0 ? ` (${tokens(f.cachedTokens)} cached)` : "";
    parts.push(`${tokens(f.tokens)} tokens${cached}`);
  }
  if (f.costUsd !== undefined) parts.push(money(f.costUsd));
  return parts;
}
