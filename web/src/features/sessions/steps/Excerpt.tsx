import { useState } from "react";
import { highlightLines } from "@/lib/highlight";
import { Tokens } from "../parts/Code";
import { ShowAll } from "./ShowAll";

const few = 12;
const most = 600;

/** Lines of a file with their numbers. */
export function Excerpt({ text, name, start = 1 }: { text: string; name?: string; start?: number }) {
  const [all, setAll] = useState(false);
  const total = text.replace(/\n$/, "").split("\n").length;
  const lines = highlightLines(text.replace(/\n$/, ""), name).slice(0, all ? most : few);
  return (
    <>
      <div className="code-box">
        {lines.map((tokens, i) => (
          <div key={i} className="flex px-3 whitespace-pre-wrap">
            <span className="w-9 shrink-0 pr-3 text-right text-ink-3 select-none" aria-hidden>
              {start + i}
            </span>
            <code className="min-w-0">
              <Tokens tokens={tokens} />
            </code>
          </div>
        ))}
      </div>
      {!all && total > few && <ShowAll count={total} onClick={() => setAll(true)} />}
    </>
  );
}
