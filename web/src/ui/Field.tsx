import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "@/lib/cx";

/** The classes of a field's rim, for parts that look like one. */
export const fieldClass =
  "touch-text touch-target h-8 w-full min-w-0 rounded-field border border-line-strong bg-surface px-3 text-body text-ink aria-invalid:border-bad disabled:opacity-60";

export type FieldProps = ComponentProps<"input"> & {
  label: string;
  /** Said under the field, in red, and read with it. */
  error?: string;
  hint?: ReactNode;
  /** Stands inside the field, at its end. */
  end?: ReactNode;
  hideLabel?: boolean;
};

/** One line of input with its label, hint and error. */
export function Field({ label, error, hint, end, hideLabel, className, id, ...rest }: FieldProps) {
  const own = useId();
  const field = id ?? own;
  const note = `${field}-note`;
  return (
    <div className={cx("flex flex-col gap-1.5", className)}>
      <label htmlFor={field} className={cx("text-step font-medium", hideLabel && "sr-only")}>
        {label}
      </label>
      <div className="relative">
        <input
          {...rest}
          id={field}
          aria-invalid={error !== undefined || undefined}
          aria-describedby={error !== undefined || hint !== undefined ? note : undefined}
          className={cx(fieldClass, "sm:h-9", end !== undefined && "pr-11")}
        />
        {end !== undefined && <div className="absolute inset-y-0 right-1 flex items-center">{end}</div>}
      </div>
      <FieldNote id={note} error={error} hint={hint} />
    </div>
  );
}

/** The line under a field. It stays in the tree while empty, so that readers hear what appears in it. */
export function FieldNote({ id, error, hint }: { id: string; error?: string; hint?: ReactNode }) {
  return (
    <p id={id} aria-live="polite" className={cx("text-step empty:hidden", error ? "text-bad" : "text-ink-2")}>
      {error ?? hint}
    </p>
  );
}
