import { ChevronDown, ChevronRight } from "lucide-react";
import { useState } from "react";
import { lastLines } from "./state";

const tail = 20;

/** The log of a deployment, opened by itself when it failed: then its last 20 lines. */
export function LogView({ log, failed }: { log?: string; failed: boolean }) {
  const [choice, setChoice] = useState<boolean>();
  const open = choice ?? failed;
  const lines = lastLines(log, failed && choice === undefined ? tail : 200);
  if (lines.length === 0 || lines[0] === "") return null;
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <div>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setChoice(!open)}
        className="touch-target -ml-1 inline-flex min-h-6 items-center gap-1 rounded-code px-1 text-step text-ink-2 hover:text-ink"
      >
        <Chevron size={14} strokeWidth={1.75} aria-hidden />
        Log
      </button>
      {open && (
        <pre
          tabIndex={0}
          aria-label="Log of the deployment"
          className="mt-1 max-h-56 overflow-auto rounded-field border border-line bg-code px-3 py-2 text-mono break-words whitespace-pre-wrap"
        >
          {lines.join("\n")}
        </pre>
      )}
    </div>
  );
}
