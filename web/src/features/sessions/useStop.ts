import { useEffect, useRef, useState } from "react";
import { api, type Run, useMutation } from "@/sync";
import { useAnnounce } from "@/ui";

const twice = 1500;

/** Stops the run: by the button, or by Esc pressed twice. "Stopping" holds from the press until the run ends. */
export function useStop(active: Run | undefined) {
  const stopAgent = useMutation(api.sessions.stopAgent);
  const announce = useAnnounce();
  const [asked, setAsked] = useState<string>();
  const [hint, setHint] = useState(false);
  const first = useRef(0);
  const runId = active?._id;
  const sessionId = active?.sessionId;
  const stopping = active !== undefined && (asked === runId || active.stopRequestedAt !== undefined);

  const stop = () => {
    if (!runId || !sessionId || stopping) return;
    setAsked(runId);
    announce("Stopping");
    stopAgent({ sessionId }).catch(() => setAsked(undefined));
  };
  const latest = useRef(stop);
  useEffect(() => {
    latest.current = stop;
  });

  useEffect(() => {
    if (!runId) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onKey = (e: KeyboardEvent) => {
      // A dialog or menu that closes on Esc has prevented it already.
      if (e.key !== "Escape" || e.defaultPrevented || e.isComposing) return;
      if (Date.now() - first.current < twice) {
        first.current = 0;
        setHint(false);
        latest.current();
        return;
      }
      first.current = Date.now();
      setHint(true);
      announce("Esc again stops the run");
      clearTimeout(timer);
      timer = setTimeout(() => setHint(false), twice);
    };
    window.addEventListener("keydown", onKey);
    return () => {
      clearTimeout(timer);
      setHint(false);
      window.removeEventListener("keydown", onKey);
    };
  }, [runId, announce]);

  return { stop, stopping, hint };
}
