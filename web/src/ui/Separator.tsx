import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import { cx } from "@/lib/cx";

export type SeparatorProps = {
  /** What it divides, for readers: "Width of the chat". */
  label: string;
  /** Present width in px of the part at the start. */
  value: number;
  min: number;
  max: number;
  onChange(value: number): void;
  /** Double click goes back to the first width. */
  onReset(): void;
  className?: string;
};

const stride = 16;

/** The bar between two parts side by side: dragged, or moved with the arrow keys, Home and End. */
export function Separator({ label, value, min, max, onChange, onReset, className }: SeparatorProps) {
  const start = useRef<{ x: number; value: number } | null>(null);
  const set = (next: number) => onChange(Math.round(Math.min(max, Math.max(min, next))));

  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowLeft: value - stride,
      ArrowRight: value + stride,
      Home: min,
      End: max,
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    set(next);
  };
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    // Captured, so that the preview's frame beside it can't swallow the movement.
    event.currentTarget.setPointerCapture(event.pointerId);
    start.current = { x: event.clientX, value };
  };
  const onPointerMove = (event: PointerEvent) => {
    if (start.current === null) return;
    set(start.current.value + event.clientX - start.current.x);
  };

  return (
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={Math.round(value)}
      aria-valuemin={min}
      aria-valuemax={Math.round(max)}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => (start.current = null)}
      onPointerCancel={() => (start.current = null)}
      onDoubleClick={onReset}
      className={cx(
        "group relative z-10 w-px shrink-0 cursor-col-resize touch-none bg-line",
        // The system's own colours leave no background to tell focus by.
        "not-forced-colors:outline-none",
        "after:absolute after:inset-y-0 after:-inset-x-3",
        "before:absolute before:inset-y-0 before:-inset-x-px before:transition-colors hover:before:bg-line-strong focus-visible:before:bg-focus",
        className,
      )}
    />
  );
}
