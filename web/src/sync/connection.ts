import { useConvexConnectionState } from "convex/react";
import { useEffect, useState } from "react";

/** "up"; "lost" once the line was gone for 2 s; "back" for 2 s after that. */
export type Line = "up" | "lost" | "back";

const patience = 2000;

/** The state of the line to the server, as people are told of it. */
export function useLine(): Line {
  const open = useConvexConnectionState().isWebSocketConnected;
  const connected = !useCutOff() && open;
  const [line, setLine] = useState<Line>("up");
  useEffect(() => {
    if (!connected) {
      const timer = setTimeout(() => setLine("lost"), patience);
      return () => clearTimeout(timer);
    }
    setLine((before) => (before === "lost" ? "back" : before));
    const timer = setTimeout(() => setLine("up"), patience);
    return () => clearTimeout(timer);
  }, [connected]);
  useEffect(() => {
    if (line === "lost") return lookForServer();
  }, [line]);
  return line;
}

/**
 * Whether the browser lost the network, and the server with it: an open line that only hangs takes a minute to be found
 * out. A server on this machine answers without a network.
 */
function useCutOff(): boolean {
  const [cut, setCut] = useState(false);
  useEffect(() => {
    const look = () => void fetch("/healthz", { cache: "no-store" }).catch(() => setCut(!navigator.onLine));
    const back = () => setCut(false);
    window.addEventListener("offline", look);
    window.addEventListener("online", back);
    return () => {
      window.removeEventListener("offline", look);
      window.removeEventListener("online", back);
    };
  }, []);
  return cut;
}

/** Grows each time that a line which was lost is up again. */
export function useReconnects(): number {
  const { isWebSocketConnected, connectionCount } = useConvexConnectionState();
  const [count, setCount] = useState(0);
  useEffect(() => {
    if (isWebSocketConnected) setCount(Math.max(0, connectionCount - 1));
  }, [isWebSocketConnected, connectionCount]);
  return count;
}

/**
 * The client waits longer after each failed try, up to 16 s. A server that restarts is back sooner, so it is asked for
 * every 2 s whether it is there; only its answer makes the client try.
 */
function lookForServer(): () => void {
  const timer = setInterval(() => {
    if (document.visibilityState === "hidden") return;
    fetch("/healthz", { cache: "no-store" }).then(
      (answer) => answer.ok && reconnectNow(),
      () => {}, // still away
    );
  }, patience);
  return () => clearInterval(timer);
}

/** Tries to reach the server now instead of when the client's own wait ends. */
export function reconnectNow(): void {
  // The client listens for the browser's sign that the network is back, and has no other public way.
  window.dispatchEvent(new Event("online"));
}
