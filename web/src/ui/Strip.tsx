import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

/** A line of 28 px across the page or a column, for a state that holds for a while. */
export function Strip({
  label,
  tone,
  icon,
  children,
  action,
}: {
  /** The name of the region for readers, where the strip stands outside of any other. */
  label?: string;
  tone: "warn" | "ok" | "bad" | "info";
  icon?: ReactNode;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div
      role={label === undefined ? undefined : "region"}
      aria-label={label}
      className={cx(
        "flex min-h-7 shrink-0 gap-x-2 px-4 py-1 text-step leading-5",
        tone === "warn" && "bg-warn-soft text-warn",
        tone === "ok" && "bg-ok-soft text-ok",
        tone === "info" && "bg-sunken text-ink-2",
        tone === "bad" && "bg-bad-soft text-bad",
      )}
    >
      {icon !== undefined && <span className={cx("flex h-5 shrink-0 items-center", action !== undefined && "pointer-coarse:h-9")}>{icon}</span>}
      <div className="flex min-w-0 flex-wrap items-center gap-x-2">
        <span>{children}</span>
        {action}
      </div>
    </div>
  );
}

/** A button that reads as a link, within a sentence or a strip. Its colour is that of the words around it. */
export const linkButtonClass =
  "-my-1 inline-flex min-h-6 items-center font-semibold underline decoration-1 underline-offset-2 hover:decoration-2 pointer-coarse:min-h-11";
