import { memo } from "react";
import { CopyIcon } from "../parts/CopyIcon";
import { Code } from "../parts/Code";

/** A fence: its language, a copy button, and the code with colours. */
export const CodeBlock = memo(function CodeBlock({ code, language }: { code: string; language?: string }) {
  const name = language?.trim().split(/\s/, 1)[0];
  return (
    <figure className="md-code">
      <figcaption>
        <span>{name || "text"}</span>
        <CopyIcon text={code} label="Copy code" />
      </figcaption>
      <pre>
        <Code code={code} name={name} />
      </pre>
    </figure>
  );
});
