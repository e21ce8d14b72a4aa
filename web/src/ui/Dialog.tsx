import * as Radix from "@radix-ui/react-dialog";
import { X } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { cx } from "@/lib/cx";

export type DialogProps = {
  open: boolean;
  /** Asked when somebody closes it: Esc, the cross, a press outside. */
  onOpenChange(open: boolean): void;
  title: string;
  /** One sentence under the title, read with it. */
  description?: ReactNode;
  children?: ReactNode;
  /** Buttons, at the end of the dialog. */
  footer?: ReactNode;
  /** Can only be answered, not closed. */
  mustAnswer?: boolean;
  className?: string;
};

/** A dialog over the page: focus moves in, Esc closes it, focus goes back to where it was. */
export function Dialog({ open, onOpenChange, title, description, children, footer, mustAnswer, className }: DialogProps) {
  const back = useRef<Element[]>([]);
  const wasOpen = useRef(false);
  // While drawing, not in an effect: by then a field of the dialog may have taken the focus.
  if (open && !wasOpen.current) back.current = waysBack();
  wasOpen.current = open;
  const keep = mustAnswer ? (event: Event) => event.preventDefault() : undefined;
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-fade bg-backdrop" />
        <Radix.Content
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
          onCloseAutoFocus={(event) => {
            // The primitive gives the focus back to a trigger of its own, and there is none.
            event.preventDefault();
            giveBack(back.current);
          }}
          onEscapeKeyDown={keep}
          onPointerDownOutside={keep}
          onInteractOutside={keep}
          className={cx(
            "fixed inset-x-0 top-[12dvh] z-40 mx-auto flex max-h-[80dvh] w-[calc(100vw-32px)] max-w-[480px] animate-dialog flex-col",
            "rounded-box border border-rim bg-raised text-ink shadow-dialog",
            "short:top-2 short:block short:max-h-[calc(100dvh-16px)] short:overflow-y-auto",
            className,
          )}
        >
          <div className="flex items-start gap-2 px-5 pt-4">
            <Radix.Title className="min-w-0 flex-1 text-title font-semibold">{title}</Radix.Title>
            {!mustAnswer && (
              <Radix.Close
                aria-label="Close"
                className="touch-square -mr-2 inline-flex size-8 items-center justify-center rounded-icon text-ink-2 hover:bg-sunken hover:text-ink"
              >
                <X size={16} strokeWidth={1.75} aria-hidden />
              </Radix.Close>
            )}
          </div>
          {description !== undefined && (
            <Radix.Description className="px-5 pt-1 text-body text-ink-2">{description}</Radix.Description>
          )}
          {children === undefined ? (
            <div className="h-5 shrink-0" />
          ) : (
            <div className="min-h-0 overflow-y-auto px-5 pt-4 pb-5">{children}</div>
          )}
          {footer !== undefined && (
            <div className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">{footer}</div>
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/**
 * Where the focus goes when the dialog has closed: to what had it before (for an item of a menu, which is gone by then,
 * the button that opened the menu); where the dialog removed that with its row, to the next row or the one before.
 */
function waysBack(): Element[] {
  const active = document.activeElement;
  const menu = active?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  const opener = menu ? document.getElementById(menu) : active;
  if (!opener || opener === document.body) return [];
  const row = opener.closest("li");
  return [opener, row?.nextElementSibling, row?.previousElementSibling].filter((way) => way instanceof Element);
}

const pressable = "button, input, textarea, a[href]";

function giveBack(ways: Element[]): void {
  if (ways.length === 0) return;
  const way = ways.find((each) => each.isConnected) ?? document.querySelector("main");
  const target = way?.matches(pressable) ? way : way?.querySelector(pressable);
  if (target instanceof HTMLElement) target.focus();
  else if (way instanceof HTMLElement) way.focus();
}
