import * as Radix from "@radix-ui/react-dropdown-menu";
import { Check } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

export type MenuProps = {
  /** The button that opens it: takes a ref. */
  trigger: ReactNode;
  children: ReactNode;
  align?: "start" | "center" | "end";
  side?: "top" | "bottom";
  /** Called when it opens, to load what its items need. */
  onOpen?(): void;
  className?: string;
};

/** A menu that opens under its button. */
export function Menu({ trigger, children, align = "start", side = "bottom", onOpen, className }: MenuProps) {
  return (
    <Radix.Root modal={false} onOpenChange={(open) => open && onOpen?.()}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align={align}
          side={side}
          sideOffset={4}
          collisionPadding={8}
          className={cx(
            "z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-48 max-w-80 animate-rise overflow-y-auto rounded-card border border-rim bg-raised p-1 text-ink shadow-pop",
            className,
          )}
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const rowClass =
  "touch-target flex min-h-8 items-center gap-2 rounded-icon px-2 py-1 text-step outline-none select-none data-disabled:opacity-50 data-highlighted:bg-sunken";

export type MenuItemProps = {
  children: ReactNode;
  onSelect(): void;
  icon?: ReactNode;
  /** A second line, or what stands at the end of the row. */
  note?: ReactNode;
  keys?: string;
  danger?: boolean;
  disabled?: boolean;
};

export function MenuItem({ children, onSelect, icon, note, keys, danger, disabled }: MenuItemProps) {
  return (
    <Radix.Item disabled={disabled} onSelect={onSelect} className={cx(rowClass, danger && "text-bad")}>
      {icon}
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {note !== undefined && <span className="text-meta text-ink-2">{note}</span>}
      {keys !== undefined && <kbd className="text-meta text-ink-2">{keys}</kbd>}
    </Radix.Item>
  );
}

/** One of several, of which one holds. */
export function MenuChoice({
  value,
  onChange,
  children,
}: {
  value: string;
  onChange(value: string): void;
  children: ReactNode;
}) {
  return (
    <Radix.RadioGroup value={value} onValueChange={onChange}>
      {children}
    </Radix.RadioGroup>
  );
}

export function MenuOption({ value, children, note }: { value: string; children: ReactNode; note?: ReactNode }) {
  return (
    <Radix.RadioItem value={value} className={rowClass}>
      <span className="flex size-4 shrink-0 items-center justify-center">
        <Radix.ItemIndicator>
          <Check size={16} strokeWidth={1.75} aria-hidden />
        </Radix.ItemIndicator>
      </span>
      <span className="min-w-0 flex-1">
        <span className="block truncate">{children}</span>
        {note !== undefined && <span className="block text-meta text-ink-2">{note}</span>}
      </span>
    </Radix.RadioItem>
  );
}

export function MenuRule() {
  return <Radix.Separator className="-mx-1 my-1 h-px bg-line" />;
}

/** Words in a menu that can't be pressed. */
export function MenuText({ children }: { children: ReactNode }) {
  return <Radix.Label className="px-2 py-1.5 text-meta text-ink-2">{children}</Radix.Label>;
}
