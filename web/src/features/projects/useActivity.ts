import { useMemo } from "react";
import { api, type Commit, type Project, type Run, useEach } from "@/sync";

export type Activity = { project: Project; checkpoint: Commit | undefined; working: boolean; last: number };

// Runs are asked for by session; older sessions than these hardly ever work.
const sessionsPerProject = 4;

const busy: Run["status"][] = ["running", "waiting"];

/** What each project did last and whether it works now; sorted by that, newest first. */
export function useActivity(projects: Project[]): Activity[] {
  const ids = useMemo(
    () => Object.fromEntries(projects.map((project) => [project._id, { projectId: project._id }])),
    [projects],
  );
  const commits = useEach(api.commits.listByProject, ids);
  const sessions = useEach(api.sessions.listSessionsByProject, ids);
  const runs = useEach(
    api.runs.listBySession,
    Object.fromEntries(
      Object.values(sessions)
        .flatMap((list) => list?.slice(0, sessionsPerProject) ?? [])
        .map((session) => [session._id, { sessionId: session._id }]),
    ),
  );
  return useMemo(() => {
    const all = Object.values(runs).flatMap((list) => list ?? []);
    return projects
      .map((project) => {
        const checkpoint = commits[project._id]?.[0];
        const own = all.filter((run) => run.projectId === project._id);
        const times = own.map((run) => run.endedAt ?? run.startedAt ?? run.queuedAt);
        return {
          project,
          checkpoint,
          working: own.some((run) => busy.includes(run.status)),
          last: Math.max(project._creationTime, checkpoint?._creationTime ?? 0, ...times),
        };
      })
      .sort((a, b) => b.last - a.last);
  }, [projects, commits, runs]);
}
