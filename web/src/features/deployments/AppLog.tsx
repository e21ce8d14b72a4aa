import { ChevronDown, ChevronRight } from "lucide-react";
import { useState } from "react";
import { api, type Project, toFault, useAction } from "@/sync";
import { Button } from "@/ui";

/** What the live app's code wrote, read when it is opened and on demand. */
export function AppLog({ projectId }: { projectId: Project["_id"] }) {
  const read = useAction(api.deployments.appLog);
  const [open, setOpen] = useState(false);
  const [reading, setReading] = useState(false);
  const [text, setText] = useState<string>();
  const load = () => {
    setReading(true);
    read({ projectId })
      .then(({ log }) => setText(log || "Nothing yet. What the worker writes with console.log shows here."))
      .catch((e: unknown) => setText(toFault(e).message))
      .finally(() => setReading(false));
  };
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <div>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => {
          setOpen(!open);
          if (!open) load();
        }}
        className="touch-target -ml-1 inline-flex min-h-6 items-center gap-1 rounded-code px-1 text-step text-ink-2 hover:text-ink"
      >
        <Chevron size={14} strokeWidth={1.75} aria-hidden />
        App log
      </button>
      {open && text !== undefined && (
        <>
          <pre
            tabIndex={0}
            aria-label="Log of the app"
            className="mt-1 max-h-56 overflow-auto rounded-field border border-line bg-code px-3 py-2 text-mono break-words whitespace-pre-wrap"
          >
            {text}
          </pre>
          <Button size="sm" look="quiet" busy={reading} busyLabel="Reading…" onClick={load} className="mt-1">
            Read again
          </Button>
        </>
      )}
    </div>
  );
}
