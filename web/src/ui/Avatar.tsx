import { UserRound } from "lucide-react";

/** A person in a circle: up to two letters, or a figure where there is no name. */
export function Avatar({ letters }: { letters: string }) {
  return (
    <span
      aria-hidden
      className="inline-flex size-7 shrink-0 items-center justify-center rounded-full border border-line bg-sunken text-meta font-semibold text-ink-2"
    >
      {letters || <UserRound size={14} strokeWidth={1.75} />}
    </span>
  );
}
