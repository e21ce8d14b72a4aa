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
  return line;
}

/** Tries to reach the server now instead of when the client's own wait ends. */
export function reconnectNow(): void {
  // The client listens for the browser's sign that the network is back, and has no other public way.
  window.dispatchEvent(new Event("online"));
}
