export interface PathRef {
  path: string;
  line?: number;
}

const pathShape = /^(?:\/workspace\/|\.\/)?((?:[\w@.+()[\]-]+\/)*[\w@.+()[\]-]+)(?::(\d+)(?::\d+)?)?$/;

/** Reads "src/App.tsx:12"; whether there is such a file is for the caller to know. */
export function pathRef(text: string): PathRef | undefined {
  const m = pathShape.exec(text);
  if (!m?.[1] || text.length > 300) return undefined;
  return { path: m[1], line: m[2] ? Number(m[2]) : undefined };
}
