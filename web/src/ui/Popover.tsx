import * as Radix from "@radix-ui/react-popover";
import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

export type PopoverProps = {
  trigger: ReactNode;
  /** The name for readers. */
  label: string;
  children: ReactNode;
  align?: "start" | "center" | "end";
  className?: string;
};

/** A small panel that opens under its button; Esc or a press outside closes it. */
export function Popover({ trigger, label, children, align = "start", className }: PopoverProps) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          aria-label={label}
          align={align}
          sideOffset={6}
          collisionPadding={12}
          className={cx(
            "z-50 w-[min(360px,calc(100vw-24px))] animate-rise rounded-card border border-rim bg-raised p-4 text-body text-ink shadow-pop",
            className,
          )}
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
