import { ArrowUp } from "lucide-react";
import { type KeyboardEvent, type ReactNode, type Ref, useRef } from "react";
import { useMedia } from "@/lib/useMedia";
import type { Mode } from "@/sync";
import { Button, Segmented, Textarea } from "@/ui";

export type ComposerProps = {
  box?: Ref<HTMLTextAreaElement>;
  autoFocus?: boolean;
  text: string;
  onText(text: string): void;
  mode: Mode;
  onMode(mode: Mode): void;
  onSend(): void;
  /** A run works: what is sent waits for it. */
  working: boolean;
  stopping: boolean;
  onStop(): void;
  /** Esc was pressed once. */
  escHint: boolean;
  model: string;
  first: boolean;
  error?: string;
  /** Plan and queue, on top of the box. */
  above?: ReactNode;
};

/** The prompt box. Stop stands beside Send, never in its place. */
export function Composer(props: ComposerProps) {
  const { text, mode, working, stopping, error } = props;
  const own = useRef<HTMLTextAreaElement>(null);
  const coarse = useMedia("(pointer: coarse)");
  const empty = text.trim() === "";
  const onKeyDown = (e: KeyboardEvent<HTMLTextAreaElement>) => {
    if (e.key !== "Enter" || e.nativeEvent.isComposing) return;
    // On touch Enter is for lines: the keyboard has no other key for them.
    const sends = e.ctrlKey || e.metaKey || (!e.shiftKey && !e.altKey && !coarse);
    if (!sends) return;
    e.preventDefault();
    if (!empty) props.onSend();
  };
  return (
    <form
      aria-label="Prompt"
      onSubmit={(e) => {
        e.preventDefault();
        if (!empty) props.onSend();
        own.current?.focus();
      }}
      className="mx-3 mb-3 rounded-box border border-line-strong bg-surface has-[textarea:focus-visible]:outline-2 has-[textarea:focus-visible]:outline-focus"
    >
      {props.above}
      <Textarea
        id="prompt"
        ref={(node) => {
          own.current = node;
          if (typeof props.box === "function") props.box(node);
          else if (props.box) props.box.current = node;
        }}
        label="Prompt"
        autoFocus={props.autoFocus}
        rows={1}
        value={text}
        onChange={(e) => props.onText(e.target.value)}
        onKeyDown={onKeyDown}
        placeholder={placeholder(mode, working, props.first)}
        aria-describedby={error ? "prompt-error" : undefined}
        className="min-h-11 px-3 pt-3 pb-1"
      />
      <p id="prompt-error" aria-live="polite" className="px-3 text-step text-bad empty:hidden">
        {error}
      </p>
      <div className="flex items-center gap-2 px-2 pt-1 pb-2">
        <Segmented
          label="Mode"
          value={mode}
          options={[
            { value: "code", label: "Code" },
            { value: "ask", label: "Ask" },
          ]}
          onChange={props.onMode}
        />
        <span className="min-w-0 flex-1 truncate text-meta text-ink-2 max-sm:hidden" title={props.model}>
          {props.escHint ? "Esc again stops the run" : props.model}
        </span>
        <span className="ml-auto flex shrink-0 items-center gap-2">
          {working && (
            <Button
              onClick={props.onStop}
              busy={stopping}
              busyLabel="Stopping"
              icon={<span aria-hidden className="size-2.5 rounded-[2px] bg-bad" />}
            >
              Stop
            </Button>
          )}
          <button
            type="submit"
            aria-label="Send"
            aria-disabled={empty}
            className="touch-square inline-flex size-8 items-center justify-center rounded-field border border-transparent bg-accent text-on-accent transition-colors hover:bg-accent-hover"
          >
            <ArrowUp size={16} strokeWidth={2} aria-hidden />
          </button>
        </span>
      </div>
    </form>
  );
}

function placeholder(mode: Mode, working: boolean, first: boolean): string {
  if (working) return "Add to this run…";
  if (mode === "ask") return "Ask about the code. Nothing is changed.";
  return first ? "What should it do?" : "What should change?";
}
