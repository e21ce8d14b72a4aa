import { Check, CloudOff } from "lucide-react";
import { reconnectNow, useLine } from "@/sync";
// Not from the index: the sign-in page must not load the parts that only signed-in screens need.
import { linkButtonClass, Strip } from "@/ui/Strip";

/** Tells that the line to the server is lost, and for a moment that it is back. Heard as well, so it is always there. */
export function ConnectionStrip() {
  const line = useLine();
  return (
    <div aria-live="polite" className="shrink-0">
      {line === "back" && (
        <Strip label="Connection" tone="ok" icon={<Check size={16} strokeWidth={1.75} aria-hidden />}>
          Back online
        </Strip>
      )}
      {line === "lost" && (
        <Strip
          label="Connection"
          tone="warn"
          icon={<CloudOff size={16} strokeWidth={1.75} aria-hidden />}
          action={
            <button type="button" className={linkButtonClass} onClick={reconnectNow}>
              Try now
            </button>
          }
        >
          Connection lost. Trying again…
        </Strip>
      )}
    </div>
  );
}
