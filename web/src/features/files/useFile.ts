import { useCallback, useEffect, useRef, useState } from "react";
import { api, toFault, useAction } from "@/sync";
import type { FileActivity } from "./activity";

export type FileState =
  | { kind: "loading" }
  | { kind: "text"; text: string }
  | { kind: "binary"; size: number }
  | { kind: "big"; size: number }
  /** It was there when the page read it before. */
  | { kind: "gone" }
  | { kind: "missing" }
  | { kind: "folder" }
  | { kind: "fault"; message: string };

/** Files up to this size are read; larger ones are named. */
export const shownBytes = 4_000_000;

/** One file's content, read again whenever the agent has edited it. */
export function useFile(projectId: string, path: string, ready: boolean, activity: FileActivity) {
  const details = useAction(api.files.getFileDetails);
  const read = useAction(api.files.readFile);
  const [state, setState] = useState<FileState>({ kind: "loading" });
  const [again, setAgain] = useState(0);
  const seen = useRef(false);
  const edit = activity.edits.findLast((e) => e.path === path)?.key;

  useEffect(() => {
    if (!ready) return;
    let stale = false;
    const load = async (): Promise<FileState> => {
      const entry = await details({ projectId, path });
      if (entry.isDir) return { kind: "folder" };
      seen.current = true;
      const size = entry.size ?? 0;
      if (size > shownBytes) return { kind: "big", size };
      const file = await read({ projectId, path, as: "text", maxBytes: shownBytes });
      if (file.encoding === "base64" || file.content.includes("\u0000")) return { kind: "binary", size };
      return { kind: "text", text: file.content };
    };
    load().then(
      (next) => !stale && setState(next),
      (error: unknown) => !stale && setState(failure(error, seen.current)),
    );
    return () => {
      stale = true;
    };
  }, [details, read, projectId, path, ready, edit, again, activity.changes]);

  return { state, reload: useCallback(() => setAgain((n) => n + 1), []) };
}

function failure(error: unknown, seen: boolean): FileState {
  const fault = toFault(error);
  const none = fault.code === "not_found" || /not found|no such file|does not exist/i.test(fault.message);
  if (!none || /sandbox/i.test(fault.message)) return { kind: "fault", message: fault.message };
  return { kind: seen ? "gone" : "missing" };
}
