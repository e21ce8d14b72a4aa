import { useEffect, useState } from "react";
import { copyText } from "@/lib/clipboard";

/** The short id of the commit; pressing it copies the whole one. */
export function CopyShaButton({ sha }: { sha: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      aria-label={copied ? "Copied" : `Copy the commit id ${sha.slice(0, 7)}`}
      onClick={() => void copyText(sha).then(setCopied)}
      className="reach relative -my-1 inline-flex min-h-6 items-center rounded-code px-1 font-mono text-mono text-ink-2 hover:bg-sunken hover:text-ink"
    >
      {copied ? "Copied" : sha.slice(0, 7)}
    </button>
  );
}
