import { useState } from "react";
import { relative } from "@/lib/timeline";
import { useFileLinks } from "../FileLinks";
import { ShowAll } from "./ShowAll";

const few = 12;
const most = 300;

/** What a search found: paths and hit lines, each opening its file. */
export function HitsView({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const lines = text.split("\n").filter((l) => l.trim() !== "");
  const shown = lines.slice(0, all ? most : few);
  return (
    <>
      <ul className="code-box px-3 whitespace-pre-wrap">
        {shown.map((line, i) => (
          <Hit key={i} line={line} />
        ))}
      </ul>
      {!all && lines.length > few && <ShowAll count={lines.length} onClick={() => setAll(true)} />}
    </>
  );
}

function Hit({ line }: { line: string }) {
  const files = useFileLinks();
  const m = /^(\S+?)(?::(\d+))?(?:[:-](.*))?$/.exec(line);
  const path = m?.[1] ? relative(m[1]) : "";
  if (!m || path.startsWith("/") || !/[./]/.test(path)) return <li>{line}</li>;
  const open = () => files.open(path, m[2] ? Number(m[2]) : undefined);
  return (
    <li>
      <button type="button" className="path-link" onClick={open}>
        {path}
        {m[2] && `:${m[2]}`}
      </button>
      {m[3] && <span className="text-ink-2"> {m[3].trim()}</span>}
    </li>
  );
}
