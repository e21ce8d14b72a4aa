import { Circle } from "lucide-react";
import { count } from "@/lib/format";
import type { Commit } from "@/sync";
import { CopyShaButton } from "./CopyShaButton";
import { Tooltip } from "@/ui";

export type CheckpointCardProps = {
  commit: Pick<Commit, "_id" | "sha" | "message" | "version" | "stats">;
  /** What its run cost, in words. */
  cost?: string;
};

/** A saved state of the files, with its node on the rail. */
export function CheckpointCard({ commit, cost }: CheckpointCardProps) {
  const name = commit.version ? `Checkpoint ${commit.version}` : "Checkpoint";
  const { stats } = commit;
  const state = [name, "not checked yet", cost].filter(Boolean).join(", ");
  const id = `checkpoint-${commit._id}`;
  return (
    <article id={id} data-row tabIndex={-1} aria-label={spoken(name, commit)} className="turn-row scroll-mt-16">
      <Tooltip label={state}>
        <button
          type="button"
          aria-label={state}
          onClick={() => document.getElementById(id)?.scrollIntoView({ block: "center" })}
          className="rail-node reach top-2.5 bg-prompt text-ink-2"
        >
          <Circle size={10} strokeWidth={2.5} aria-hidden />
        </button>
      </Tooltip>
      <div className="rounded-card border border-line bg-surface px-3 py-2">
        <p className="flex min-w-0 items-baseline gap-2">
          <span className="shrink-0 font-semibold">{name}</span>
          <span className="min-w-0 truncate text-ink-2" title={subject(commit.message)}>
            {subject(commit.message)}
          </span>
        </p>
        <p className="tabular flex flex-wrap items-center gap-x-3 text-meta text-ink-2">
          {stats && <span>{count(stats.filesChanged, "file")}</span>}
          {stats && (
            <span className="flex gap-1.5 font-medium">
              <span className="text-ok">+{stats.additions}</span>
              <span className="text-bad">−{stats.deletions}</span>
            </span>
          )}
          <CopyShaButton sha={commit.sha} />
        </p>
      </div>
    </article>
  );
}

function subject(message: string | undefined): string {
  return message?.split("\n", 1)[0]?.trim() ?? "";
}

function spoken(name: string, commit: CheckpointCardProps["commit"]): string {
  const s = commit.stats;
  const lines = s
    ? `${count(s.filesChanged, "file")} changed, ${count(s.additions, "line")} added, ${s.deletions} removed`
    : "";
  return [name, subject(commit.message), lines].filter(Boolean).join(", ");
}
