import { type ReactNode, useId } from "react";
import { cx } from "@/lib/cx";

export type SegmentedProps<Value extends string> = {
  label: string;
  value: Value;
  options: { value: NoInfer<Value>; label: string; icon?: ReactNode; iconOnly?: boolean }[];
  onChange(value: NoInfer<Value>): void;
  disabled?: boolean;
};

/** A switch of two or three parts: one tab stop, arrow keys choose. */
export function Segmented<Value extends string>({ label, value, options, onChange, disabled }: SegmentedProps<Value>) {
  const name = useId();
  return (
    <fieldset disabled={disabled} className="inline-flex shrink-0 rounded-field border border-transparent bg-sunken p-px">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className={cx(
            "touch-target relative inline-flex h-6.5 items-center gap-1.5 rounded-[7px] border px-2.5 text-meta font-medium select-none",
            "has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-focus",
            option.value === value ? "border-line bg-surface text-ink" : "border-transparent text-ink-2 hover:text-ink",
          )}
        >
          <input
            type="radio"
            name={name}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
            className="absolute inset-0 m-0 size-full cursor-default opacity-0"
          />
          {option.icon}
          <span className={cx(option.iconOnly && "sr-only")}>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
