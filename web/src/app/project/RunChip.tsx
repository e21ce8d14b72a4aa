import { clock } from "@/lib/time";
import { useNow } from "@/lib/useNow";
import type { Project, Run } from "@/sync";
import { Chip } from "@/ui";

/** What goes on in the project, in one word. */
export function RunChip({ active, project }: { active?: Run; project: Project }) {
  if (active) return <ActiveChip run={active} />;
  if (project.sandbox?.status === "stopped") return <Chip>Asleep</Chip>;
  if (project.sandbox?.status === "starting" && project.sandbox.isInitialized) return <Chip tone="accent">Waking</Chip>;
  return null;
}

function ActiveChip({ run }: { run: Run }) {
  const now = useNow();
  const waiting = run.status === "waiting";
  return (
    <Chip tone={waiting ? "warn" : "accent"} dot>
      <span>
        {waiting ? "Waiting" : "Working"} · <time>{clock(now - (run.startedAt ?? run.queuedAt))}</time>
      </span>
    </Chip>
  );
}
