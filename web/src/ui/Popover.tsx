import * as Radix from "@radix-ui/react-dialog";
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { cx } from "@/lib/cx";

export type PopoverProps = {
  trigger: ReactNode;
  /** The name for readers. */
  label: string;
  children: ReactNode;
  /** Which edge it shares with its button. */
  align?: "start" | "end";
  className?: string;
};

// Kept free at the edges of the window.
const edge = 12;

/** A small panel under its button; Esc or a press outside closes it, and the page beside it stays usable. */
export function Popover({ trigger, label, children, align = "start", className }: PopoverProps) {
  const [open, setOpen] = useState(false);
  // Read while it is closed: a panel that sticks out widens the page of a phone before it can be measured.
  const page = useRef(0);
  const change = (next: boolean) => {
    page.current = document.documentElement.clientWidth;
    setOpen(next);
  };
  return (
    // The dialog's behaviour without its weight on the page: menus bring it along already.
    <Radix.Root modal={false} open={open} onOpenChange={change}>
      <span className="relative inline-flex">
        <Radix.Trigger asChild>{trigger}</Radix.Trigger>
        <Radix.Content
          aria-describedby={undefined}
          className={cx("absolute top-full z-50 pt-1.5 outline-none", align === "start" ? "left-0" : "right-0")}
        >
          <Radix.Title className="sr-only">{label}</Radix.Title>
          <Panel width={page.current} className={className}>
            {children}
          </Panel>
        </Radix.Content>
      </span>
    </Radix.Root>
  );
}

/** The panel itself, shifted so that it stays within a page of the given width. */
function Panel({ width, children, className }: { width: number; children: ReactNode; className?: string }) {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const box = panel.current;
    if (box === null) return;
    box.style.translate = "none";
    const { left, right } = box.getBoundingClientRect();
    const over = right - (width - edge);
    const shift = over > 0 ? Math.max(-over, edge - left) : Math.max(0, edge - left);
    box.style.translate = `${Math.round(shift)}px`;
  }, [width]);
  return (
    <div
      ref={panel}
      className={cx(
        "w-[min(360px,calc(100vw-24px))] animate-fade rounded-card border border-rim bg-raised p-4 text-body font-normal text-ink shadow-pop",
        className,
      )}
    >
      {children}
    </div>
  );
}
