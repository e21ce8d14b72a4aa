import { useId } from "react";
import { cx } from "@/lib/cx";

export type NameFieldProps = {
  name: string;
  domain: string;
  error?: string;
  disabled: boolean;
  onChange(name: string): void;
  onEnter(): void;
};

/** The name, in the address as it will be. */
export function NameField({ name, domain, error, disabled, onChange, onEnter }: NameFieldProps) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="text-step font-medium">
        Address
      </label>
      <div
        className={cx(
          "touch-target flex h-9 min-w-0 items-center rounded-field border bg-surface has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-focus",
          error ? "border-bad" : "border-line-strong",
        )}
      >
        <input
          id={id}
          value={name}
          readOnly={disabled}
          autoFocus={!disabled && !window.matchMedia("(pointer: coarse)").matches}
          maxLength={60}
          spellCheck={false}
          autoCapitalize="off"
          autoCorrect="off"
          autoComplete="off"
          aria-invalid={error !== undefined || undefined}
          aria-describedby={`${id}-end ${id}-note`}
          onChange={(e) => onChange(e.target.value.toLowerCase().replace(/\s/g, "-"))}
          onKeyDown={(e) => e.key === "Enter" && !e.nativeEvent.isComposing && onEnter()}
          className="touch-text field-sizing-content h-full min-w-12 shrink rounded-field bg-transparent pl-3 text-body outline-none read-only:text-ink-2"
        />
        <span id={`${id}-end`} className="touch-text min-w-0 truncate pr-3 text-body text-ink-2">
          .{domain}
        </span>
      </div>
      <p id={`${id}-note`} aria-live="polite" className="text-step text-bad empty:hidden">
        {error}
      </p>
    </div>
  );
}
