import { useMemo } from "react";
import { api, type Run, type Session, useEach, useQuery } from "@/sync";

// Older sessions than these hardly ever work.
const watched = 8;

export interface ProjectRuns {
  /** Newest first; undefined while loading. */
  sessions?: Session[];
  /** The run that works now, in whatever session. */
  active?: Run;
  working: ReadonlySet<string>;
  /** The run that ended last. */
  ended?: Run;
  loaded: boolean;
}

/** The sessions of a project and what works in them. */
export function useRuns(projectId: string): ProjectRuns {
  const list = useQuery(api.sessions.listSessionsByProject, { projectId });
  const sessions = useMemo(() => list?.toSorted((a, b) => b._creationTime - a._creationTime), [list]);
  const runs = useEach(
    api.runs.listBySession,
    Object.fromEntries((sessions ?? []).slice(0, watched).map((s) => [s._id, { sessionId: s._id }])),
  );
  return useMemo(() => {
    const all = Object.values(runs).flatMap((r) => r ?? []);
    const busy = all.filter((r) => r.status === "running" || r.status === "waiting");
    const ended = all.filter((r) => r.endedAt !== undefined).sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
    return {
      sessions,
      active: busy[0],
      working: new Set(busy.map((r) => r.sessionId)),
      ended: ended[0],
      loaded: sessions !== undefined && Object.values(runs).every((r) => r !== undefined),
    };
  }, [runs, sessions]);
}
