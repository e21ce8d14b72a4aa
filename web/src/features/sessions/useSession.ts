import { useEffect, useMemo, useState } from "react";
import { createTimeline, type QueuedPrompt, type Turn, withLive } from "@/lib/timeline";
import { api, type Run, usePaginatedQuery, useQuery } from "@/sync";
import { useLiveMessage } from "./useLiveMessage";

const page = 40;
// A row that comes sends its whole page again, and a page is split when it has twice its size: the newest is small.
const newest = 8;

export interface SessionState {
  loading: boolean;
  turns: Turn[];
  /** Number of the first loaded turn in the session, from 1. */
  firstNumber: number;
  queued: QueuedPrompt[];
  /** The run that works now. */
  active?: Run;
  older?: () => void;
  complete: boolean;
}

const none: never[] = [];

/** Everything that the chat of one session shows, live. */
export function useSession(sessionId: string | undefined): SessionState {
  const args = sessionId ? { sessionId } : "skip";
  const rows = usePaginatedQuery(api.sessions.listMessagesPage, args, { initialNumItems: newest });
  const runs = useQuery(api.runs.listBySession, args);
  const commits = useQuery(api.commits.listBySession, args);
  const [build] = useState(createTimeline);

  const { status, loadMore } = rows;
  const few = status !== "Exhausted" && rows.results.length < page;
  useEffect(() => {
    if (few && status === "CanLoadMore") loadMore(page - newest);
  }, [few, status, loadMore]);

  const loading = sessionId !== undefined && (few || runs === undefined);
  const stored = useMemo(
    () =>
      loading
        ? { turns: none, queued: none }
        : build({ rows: rows.results.toReversed(), runs: runs ?? none, commits: commits ?? none }),
    [build, loading, rows.results, runs, commits],
  );
  const active = runs?.find((r) => r.status === "running" || r.status === "waiting");
  const live = useLiveMessage(active?._id);
  const turns = useMemo(() => {
    const last = stored.turns.at(-1);
    if (!last || !live) return stored.turns;
    const shown = withLive(last, live);
    return shown === last ? stored.turns : [...stored.turns.slice(0, -1), shown];
  }, [stored.turns, live]);

  return {
    loading,
    turns,
    firstNumber: Math.max(1, (runs?.filter((r) => r.status !== "queued").length ?? 0) - turns.length + 1),
    queued: stored.queued,
    active,
    older: status === "CanLoadMore" && !few ? () => loadMore(page) : undefined,
    complete: sessionId !== undefined && status === "Exhausted",
  };
}
