import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { copyText } from "@/lib/clipboard";
import { IconButton } from "@/ui";

/** Copies a text; a tick stands in its place for 2 s. */
export function CopyIcon({ text, label = "Copy", className }: { text: string; label?: string; className?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const Icon = copied ? Check : Copy;
  return (
    <IconButton
      size="sm"
      label={copied ? "Copied" : label}
      icon={<Icon size={14} strokeWidth={1.75} aria-hidden />}
      onClick={() => void copyText(text).then(setCopied)}
      className={className}
    />
  );
}
