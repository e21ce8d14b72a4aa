import { useConvexConnectionState } from "convex/react";
import { useEffect, useState } from "react";

/** "up"; "lost" once the line was gone for 2 s; "back" for 2 s after that. */
export type Line = "up" | "lost" | "back";

const patience = 2000;

/** The state of the line to the server, as people are told of it. */
export function useLine(): Line {
  const connected = useConvexConnectionState().isWebSocketConnected;
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
