import type { ComponentProps, ReactNode } from "react";
import { cx } from "@/lib/cx";
import { Tooltip } from "./Tooltip";

export type IconButtonProps = Omit<ComponentProps<"button">, "children"> & {
  /** The name: spoken by readers and shown on hover and focus. */
  label: string;
  icon: ReactNode;
  /** Keys shown beside the name. */
  keys?: string;
  /** Pressed state of a switch. */
  pressed?: boolean;
  size?: "md" | "sm";
};

/** A button that shows an icon only and says its name. */
export function IconButton({ label, icon, keys, pressed, size = "md", className, ...rest }: IconButtonProps) {
  return (
    <Tooltip label={label} keys={keys}>
      <button
        type="button"
        {...rest}
        aria-label={label}
        aria-pressed={pressed}
        className={cx(
          "touch-square inline-flex shrink-0 items-center justify-center rounded-icon border border-transparent text-ink-2 transition-colors hover:bg-sunken hover:text-ink disabled:opacity-50",
          "aria-pressed:bg-sunken aria-pressed:text-ink",
          size === "md" ? "size-8" : "size-7",
          className,
        )}
      >
        {icon}
      </button>
    </Tooltip>
  );
}
