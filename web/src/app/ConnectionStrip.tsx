import { Check, CloudOff } from "lucide-react";
import { useEffect } from "react";
import { reconnectNow, useLine } from "@/sync";
// Not from the index: the sign-in page must not load the parts that only signed-in screens need.
import { useAnnounce } from "@/ui/Announcer";
import { linkButtonClass, Strip } from "@/ui/Strip";

/** Tells that the line to the server is lost, and for a moment that it is back. */
export function ConnectionStrip() {
  const line = useLine();
  const announce = useAnnounce();
  useEffect(() => {
    if (line === "lost") announce("Connection lost. Trying again.");
    if (line === "back") announce("Back online.");
  }, [line, announce]);
  if (line === "up") return null;
  if (line === "back") {
    return (
      <Strip label="Connection" tone="ok" icon={<Check size={16} strokeWidth={1.75} aria-hidden />}>
        Back online
      </Strip>
    );
  }
  return (
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
  );
}
