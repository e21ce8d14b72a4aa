import { memo } from "react";
import { highlight, type Token, type TokenKind } from "@/lib/highlight";

const colours: Record<TokenKind, string> = {
  key: "text-syn-key",
  str: "text-syn-str",
  num: "text-syn-num",
  fn: "text-syn-fn",
  com: "text-syn-com",
};

/** Code with colours; `name` is the file or the language. */
export const Code = memo(function Code({ code, name }: { code: string; name?: string }) {
  return (
    <code>
      <Tokens tokens={highlight(code, name)} />
    </code>
  );
});

export function Tokens({ tokens }: { tokens: Token[] }) {
  return tokens.map((t, i) =>
    t.kind ? (
      <span key={i} className={colours[t.kind]}>
        {t.text}
      </span>
    ) : (
      t.text
    ),
  );
}
