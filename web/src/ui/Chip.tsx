import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

export type Tone = "neutral" | "accent" | "ok" | "warn" | "bad";

const tones: Record<Tone, string> = {
  neutral: "bg-sunken text-ink-2",
  accent: "bg-accent-soft text-accent-text",
  ok: "bg-ok-soft text-ok",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
};

/** A state in a word. `dot` puts a still dot before it. */
export function Chip({ tone = "neutral", dot, icon, children }: { tone?: Tone; dot?: boolean; icon?: ReactNode; children: ReactNode }) {
  return (
    <span
      className={cx(
        "tabular inline-flex h-6 shrink-0 items-center gap-1.5 rounded-full border border-transparent px-2.5 text-meta font-medium whitespace-nowrap",
        tones[tone],
      )}
    >
      {dot && <span className="keep-color size-2 rounded-full bg-current" aria-hidden />}
      {icon}
      {children}
    </span>
  );
}
