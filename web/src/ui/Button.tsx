import type { ComponentProps, ReactNode } from "react";
import { cx } from "@/lib/cx";

/** primary: the one filled button of a view. plain: with a rim. quiet: without. danger: deletes. */
export type ButtonLook = "primary" | "plain" | "quiet" | "danger";
export type ButtonSize = "lg" | "md" | "sm";

const looks: Record<ButtonLook, string> = {
  primary: "border-transparent bg-accent text-on-accent hover:bg-accent-hover",
  plain: "border-line bg-surface text-ink hover:bg-sunken",
  quiet: "border-transparent text-ink-2 hover:bg-sunken hover:text-ink",
  danger: "border-transparent bg-bad text-on-bad hover:opacity-90",
};

const sizes: Record<ButtonSize, string> = {
  lg: "h-9 px-4 text-body",
  md: "h-8 px-3 text-step",
  sm: "h-7 px-2.5 text-step",
};

/** The classes of a button, for links that look like one. */
export function buttonClass(look: ButtonLook = "plain", size: ButtonSize = "md", extra?: string): string {
  return cx(
    "touch-target inline-flex shrink-0 items-center justify-center gap-2 rounded-field border font-medium whitespace-nowrap select-none",
    "transition-colors disabled:opacity-50",
    looks[look],
    sizes[size],
    extra,
  );
}

export type ButtonProps = ComponentProps<"button"> & {
  look?: ButtonLook;
  size?: ButtonSize;
  /** Something is under way: the button can't be pressed again and keeps its width. */
  busy?: boolean;
  /** Words while busy; absent: the label stays. */
  busyLabel?: string;
  icon?: ReactNode;
};

/** A verb to press. */
export function Button({ look, size, busy, busyLabel, icon, className, children, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={busy || rest["aria-disabled"] || undefined}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      className={buttonClass(look, size, cx(busy && "opacity-80", className))}
    >
      {busyLabel === undefined ? (
        <>
          {icon}
          {children}
        </>
      ) : (
        // Both labels share one cell, so that the width is that of the longer one all the time.
        <span className="grid *:flex *:items-center *:justify-center *:gap-2 *:[grid-area:1/1]">
          <span aria-hidden={busy} className={cx(busy && "invisible")}>
            {icon}
            {children}
          </span>
          <span aria-hidden={!busy} className={cx(!busy && "invisible")}>
            {icon}
            {busyLabel}
          </span>
        </span>
      )}
    </button>
  );
}
