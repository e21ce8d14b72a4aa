import { useCallback, useEffect, useRef, useState } from "react";
import { api, type Fault, type FileEntry, toFault, useAction } from "@/sync";

export interface Folder {
  entries?: FileEntry[];
  fault?: Fault;
}

/** The folders that were opened, each listed when it is opened and again when files may have changed. */
export function useTree(projectId: string, ready: boolean, changes: number) {
  const list = useAction(api.files.listFiles);
  const [folders, setFolders] = useState<Record<string, Folder>>({});
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set([""]));

  const load = useCallback(
    (path: string) =>
      list({ projectId, path: path === "" ? "." : path }).then(
        (entries) => setFolders((f) => ({ ...f, [path]: { entries: sorted(entries, path) } })),
        (error: unknown) => setFolders((f) => ({ ...f, [path]: { ...f[path], fault: toFault(error) } })),
      ),
    [list, projectId],
  );

  const latest = useRef(open);
  useEffect(() => {
    latest.current = open;
  }, [open]);
  useEffect(() => {
    if (!ready) return;
    // Several edits in a row are one look.
    const timer = setTimeout(() => {
      for (const path of latest.current) void load(path);
    }, 300);
    return () => clearTimeout(timer);
  }, [ready, changes, load]);
  useEffect(() => {
    if (ready) void load("");
  }, [ready, load]);

  const toggle = useCallback(
    (path: string) => {
      const next = new Set(latest.current);
      if (next.delete(path)) setOpen(next);
      else {
        setOpen(next.add(path));
        void load(path);
      }
    },
    [load],
  );
  const reveal = useCallback(
    (path: string) => {
      const parts = path.split("/").slice(0, -1);
      const above = parts.map((_, i) => parts.slice(0, i + 1).join("/")).filter((p) => !latest.current.has(p));
      if (above.length === 0) return;
      setOpen(new Set([...latest.current, ...above]));
      for (const p of above) void load(p);
    },
    [load],
  );
  return { folders, open, toggle, reveal, reload: () => load("") };
}

/** Folders first, then by name; paths relative to the project whatever the server answers. */
function sorted(entries: FileEntry[], folder: string): FileEntry[] {
  const named = entries.map((e) => ({ ...e, path: folder === "" ? e.name : `${folder}/${e.name}` }));
  return named
    .filter((e) => e.name !== ".git")
    .sort((a, b) => Number(b.isDir) - Number(a.isDir) || a.name.localeCompare(b.name, "en", { numeric: true }));
}
