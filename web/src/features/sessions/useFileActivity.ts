import { useEffect, useMemo } from "react";
import { stepWords, type Step, type Turn } from "@/lib/timeline";

/** What the agent does to files: see features/files, which has the same shape. */
export interface FileActivity {
  editing?: string;
  edits: { key: string; path: string }[];
  changes: number;
}

/** Tells `onFiles` which file a step writes now, which ones were edited, and when others may have changed. */
export function useFileActivity(turns: Turn[], onFiles: (activity: FileActivity) => void): void {
  const last = turns.at(-1);
  const activity = useMemo(() => read(last, turns.length), [last, turns.length]);
  const key = JSON.stringify(activity);
  useEffect(() => {
    onFiles(activity);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- equal activity is no news
  }, [key, onFiles]);
}

function read(turn: Turn | undefined, count: number): FileActivity {
  const steps = (turn?.items ?? []).flatMap((i) =>
    i.type === "steps" ? i.entries.filter((e): e is Step => e.type === "step") : [],
  );
  const touching = steps.filter((s) => /^(Write|Edit|MultiEdit)$/.test(s.name));
  const now = touching.find((s) => s.state === "running" || s.state === "writing");
  const edits = touching.flatMap((s) => {
    const { path } = stepWords(s);
    return s.state === "done" && path ? [{ key: s.key, path }] : [];
  });
  // Commands may make or remove any file; so may a checkpoint of another prompt.
  const commands = steps.filter((s) => s.name === "Bash" && s.result).length;
  return { editing: now && stepWords(now).path, edits, changes: count * 1000 + commands + (turn?.checkpoint ? 1 : 0) };
}
