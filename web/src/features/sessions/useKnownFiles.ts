import { useCallback, useMemo, useRef } from "react";
import { stepWords, type Turn } from "@/lib/timeline";

/**
 * Which paths in the agent's texts are files: those that its steps read, wrote or edited, and those that
 * checkpoints name. Nobody has to list the project for that.
 */
export function useKnownFiles(turns: Turn[]): (path: string) => boolean {
  const known = useRef({ paths: new Set<string>(), turns: new WeakSet<Turn>() });
  const size = useMemo(() => {
    const { paths, turns: seen } = known.current;
    for (const turn of turns) {
      if (seen.has(turn)) continue;
      seen.add(turn);
      for (const path of pathsOf(turn)) paths.add(path);
    }
    return paths.size;
  }, [turns]);
  // Another function when there are more: texts that name a new file are drawn again.
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the size stands for what is in the set
  return useCallback((path: string) => known.current.paths.has(path), [size]);
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
