import { Ellipsis, ExternalLink } from "lucide-react";
import { ago, fullTime } from "@/lib/time";
import type { Commit, Project } from "@/sync";
import { Chip, Link } from "@/ui";
import { ProjectMenu } from "./ProjectMenu";
import { TemplateIcon } from "./TemplateIcon";

type Props = { project: Project; checkpoint: Commit | undefined; working: boolean; now: number };

/** One project on home: its name, its last checkpoint, and what it is doing or where it is live. */
export function ProjectRow({ project, checkpoint, working, now }: Props) {
  const time = checkpoint?._creationTime ?? project._creationTime;
  return (
    <li className="relative flex items-center gap-3.5 px-3.5 py-3 transition-colors first:rounded-t-card last:rounded-b-card hover:bg-sunken">
      <TemplateIcon slug={project.metadata?.templateSlug} />
      <div className="min-w-0 flex-1">
        {/* The whole row opens the project; what stands on it lies above this link. */}
        <Link
          href={`/p/${project._id}`}
          className="block truncate text-body font-semibold after:absolute after:inset-0 after:rounded-card"
        >
          {project.name}
        </Link>
        <p className="truncate text-step text-ink-2">
          {checkpoint === undefined ? "Created" : `Checkpoint ${checkpoint.version ?? ""}`.trim()} ·{" "}
          <time dateTime={new Date(time).toISOString()} title={fullTime(time)}>
            {ago(time, now)}
          </time>
        </p>
        <div className="mt-1.5 flex sm:hidden">
          <State project={project} working={working} />
        </div>
      </div>
      <div className="flex max-w-[45%] min-w-0 max-sm:hidden">
        <State project={project} working={working} />
      </div>
      <ProjectMenu
        project={project}
        align="end"
        trigger={
          <button
            type="button"
            data-project-menu
            aria-label={`Menu of ${project.name}`}
            className="touch-square relative inline-flex size-8 shrink-0 items-center justify-center rounded-icon text-ink-2 hover:bg-line hover:text-ink"
          >
            <Ellipsis size={16} strokeWidth={1.75} aria-hidden />
          </button>
        }
      />
    </li>
  );
}

function State({ project, working }: { project: Project; working: boolean }) {
  const live = project.deployment?.previewUrl;
  const status = project.sandbox?.status;
  if (working) {
    return (
      <Chip tone="accent" dot>
        Working
      </Chip>
    );
  }
  if (status === "error") return <Chip tone="bad">Failed</Chip>;
  if (live !== undefined) {
    return (
      <a
        href={live}
        target="_blank"
        rel="noreferrer"
        className="touch-target relative inline-flex min-h-6 min-w-0 items-center gap-1.5 text-step text-ink-2 hover:text-ink hover:underline"
      >
        <span className="truncate">{hostOf(live)}</span>
        <ExternalLink size={14} strokeWidth={1.75} aria-hidden className="shrink-0" />
        <span className="sr-only">, opens in a new tab</span>
      </a>
    );
  }
  if (status === "stopped") return <Chip>Asleep</Chip>;
  if (status === "pending" || status === "starting") return <Chip>Preparing</Chip>;
  return null;
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    return url;
  }
}
