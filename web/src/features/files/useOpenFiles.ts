import { useCallback, useEffect, useState } from "react";

const most = 12;

/** The files that stand in tabs, kept over a reload; the one in the address is always among them. */
export function useOpenFiles(projectId: string, file: string | undefined) {
  const key = `surgent.files.${projectId}`;
  const [files, setFiles] = useState<string[]>(() => readStored(key));
  useEffect(() => {
    if (file) setFiles((f) => (f.includes(file) ? f : [...f.slice(-(most - 1)), file]));
  }, [file]);
  useEffect(() => {
    try {
      sessionStorage.setItem(key, JSON.stringify(files));
    } catch {
      // Storage is blocked: the tabs hold for this page.
    }
  }, [key, files]);
  const close = useCallback((path: string) => setFiles((f) => f.filter((p) => p !== path)), []);
  return { files, close };
}

function readStored(key: string): string[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    return Array.isArray(stored) ? stored.filter((p): p is string => typeof p === "string").slice(0, most) : [];
  } catch {
    return [];
  }
}
