import * as Radix from "@radix-ui/react-tooltip";
import type { ReactNode } from "react";

/** Once around the page: the tooltips below it share their delay. */
export function TooltipProvider({ children }: { children: ReactNode }) {
  return (
    <Radix.Provider delayDuration={500} skipDelayDuration={200}>
      {children}
    </Radix.Provider>
  );
}

/** Shows a name on hover and focus. The child must take a ref and carry the name for readers itself. */
export function Tooltip({ label, keys, children }: { label: string; keys?: string; children: ReactNode }) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-50 flex max-w-72 animate-rise items-center gap-2 rounded-icon border border-rim bg-raised px-2 py-1 text-meta text-ink shadow-pop"
        >
          {label}
          {keys !== undefined && <kbd className="text-ink-3">{keys}</kbd>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
