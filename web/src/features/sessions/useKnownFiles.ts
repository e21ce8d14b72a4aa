import { useCallback, useEffect, useRef } from "react";
import { stepWords, type Turn } from "@/lib/timeline";

/**
 * Which paths in the agent's texts are files: those that its steps read, wrote or edited, and those that
 * checkpoints name. Nobody has to list the project for that.
 */
export function useKnownFiles(turns: Turn[]): (path: string) => boolean {
  const paths = useRef(new Set<string>());
  useEffect(() => {
    for (const turn of turns) for (const path of pathsOf(turn)) paths.current.add(path);
  }, [turns]);
  return useCallback((path: string) => paths.current.has(path), []);
}

function pathsOf(turn: Turn): string[] {
  const out: string[] = (turn.checkpoint?.stats?.files ?? []).map((f) => f.path);
  for (const item of turn.items) {
    if (item.type !== "steps") continue;
    for (const e of item.entries) {
      const path = e.type === "step" && e.state !== "failed" ? stepWords(e).path : undefined;
      if (path) out.push(path);
    }
  }
  return out;
}
