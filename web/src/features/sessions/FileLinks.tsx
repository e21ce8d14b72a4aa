import { createContext, type ReactNode, useContext } from "react";
import { pathRef } from "./markdown/paths";

/** What the chat knows of the project's files: which paths exist, and how to open one in Files. */
export interface FileLinks {
  known(path: string): boolean;
  open(path: string, line?: number): void;
}

const Context = createContext<FileLinks>({ known: () => false, open: () => {} });

export const FileLinksProvider = Context.Provider;

export function useFileLinks(): FileLinks {
  return useContext(Context);
}

const candidates = /(?:[\w@.+()[\]-]+\/)*[\w@+()[\]-][\w@.+()[\]-]*\.\w+(?::\d+(?::\d+)?)?/g;

/** Text in which the paths that exist can be pressed. `label` is shown in place of a text that is one path. */
export function PathText({ text, label }: { text: string; label?: ReactNode }) {
  const files = useFileLinks();
  if (label !== undefined) {
    const ref = pathRef(text);
    return ref && files.known(ref.path) ? <PathButton path={ref.path} line={ref.line} label={label} /> : <>{label}</>;
  }
  const parts: ReactNode[] = [];
  let from = 0;
  for (const m of text.matchAll(candidates)) {
    const ref = pathRef(m[0]);
    if (!ref || !files.known(ref.path)) continue;
    parts.push(text.slice(from, m.index), <PathButton key={m.index} path={ref.path} line={ref.line} label={m[0]} />);
    from = m.index + m[0].length;
  }
  if (from === 0) return text;
  return [...parts, text.slice(from)];
}

function PathButton({ path, line, label }: { path: string; line?: number; label: ReactNode }) {
  const files = useFileLinks();
  return (
    <button type="button" className="path-link" onClick={() => files.open(path, line)}>
      {label}
    </button>
  );
}
