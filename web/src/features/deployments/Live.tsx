import { ExternalLink } from "lucide-react";
import { duration } from "@/lib/time";
import type { Deployment } from "@/sync";
import { buttonClass, CopyButton, linkClass, Note } from "@/ui";

/** The deployment that answers now: its link, when it was made and of which checkpoint. */
export function Live({ deployment }: { deployment: Deployment }) {
  const { url, startedAt, endedAt, checkpoint } = deployment;
  if (!url) return null;
  const facts = [
    endedAt ? `took ${duration(endedAt - startedAt)}` : "",
    checkpoint ? `checkpoint ${checkpoint}` : "",
  ].filter(Boolean);
  return (
    <Note
      tone="ok"
      title={
        <>
          Live now: <LiveLink url={url} />
        </>
      }
      actions={
        <>
          <a href={url} target="_blank" rel="noopener noreferrer" className={buttonClass("plain", "sm")}>
            Open
          </a>
          <CopyButton size="sm" look="quiet" text={url}>
            Copy
          </CopyButton>
        </>
      }
    >
      {facts.length > 0 && <span className="tabular">{facts.join(" · ").replace(/^./, (c) => c.toUpperCase())}</span>}
    </Note>
  );
}

export function LiveLink({ url }: { url: string }) {
  return (
    <a href={url} target="_blank" rel="noopener noreferrer" className={`${linkClass} touch-target inline-flex min-h-6 items-center gap-1`}>
      {url.replace(/^https?:\/\//, "").replace(/\/$/, "")}
      <ExternalLink size={14} strokeWidth={1.75} aria-hidden />
    </a>
  );
}
