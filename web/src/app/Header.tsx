import type { ReactNode } from "react";
import { Link, Mark } from "@/ui";

/** The top of every page, 48 px. `start` is what stands beside the mark, `end` what stands at the right. */
export function Header({ start, end, home = true }: { start?: ReactNode; end?: ReactNode; home?: boolean }) {
  return (
    <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line bg-bg px-3 sm:px-4">
      {home && (
        <Link
          href="/"
          aria-label="Surgent, your projects"
          className="touch-square inline-flex min-w-6 items-center justify-center rounded-icon"
        >
          <Mark />
        </Link>
      )}
      <div className="flex min-w-0 flex-1 items-center gap-1">{start}</div>
      <div className="flex shrink-0 items-center gap-2">{end}</div>
    </header>
  );
}
