import { useEffect, useState } from "react";
import { copyText } from "@/lib/clipboard";
import { Button, type ButtonProps } from "./Button";

/** Copies a text and says so in its own place for 2 s. */
export function CopyButton({ text, children, ...rest }: ButtonProps & { text: string | (() => string) }) {
  const [state, setState] = useState<"ready" | "copied" | "refused">("ready");
  useEffect(() => {
    if (state === "ready") return;
    const timer = setTimeout(() => setState("ready"), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    setState((await copyText(typeof text === "string" ? text : text())) ? "copied" : "refused");
  };
  return (
    <Button {...rest} onClick={() => void copy()}>
      <span aria-live="polite">
        {state === "copied" ? "Copied" : state === "refused" ? "The browser refused" : children}
      </span>
    </Button>
  );
}
