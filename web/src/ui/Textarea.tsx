import { type ComponentProps, type Ref, useImperativeHandle, useLayoutEffect, useRef } from "react";
import { cx } from "@/lib/cx";

export type TextareaProps = ComponentProps<"textarea"> & {
  /** The name for readers; the box has no visible label. */
  label: string;
  /** Most of the window's height that it grows to; 0.4 unless told. */
  share?: number;
  ref?: Ref<HTMLTextAreaElement>;
};

/** Several lines of input that grow with their text. Has no rim of its own: the box around it draws that. */
export function Textarea({ label, share = 0.4, className, ref, value, ...rest }: TextareaProps) {
  const own = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(ref, () => own.current as HTMLTextAreaElement);
  useLayoutEffect(() => {
    const box = own.current;
    if (box === null) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  }, [value]);
  return (
    <textarea
      {...rest}
      ref={own}
      value={value}
      aria-label={label}
      dir="auto"
      style={{ maxHeight: `${share * 100}dvh` }}
      className={cx(
        "touch-text block w-full resize-none overflow-y-auto bg-transparent text-ink outline-none",
        className ?? "text-body",
      )}
    />
  );
}
