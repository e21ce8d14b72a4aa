import { useNow } from "@/lib/useNow";
import type { Project } from "@/sync";
import { Loading, Skeleton } from "@/ui";
import { ProjectRow } from "./ProjectRow";
import { useActivity } from "./useActivity";

/** The projects of a person, the one worked on last first. */
export function ProjectList({ projects }: { projects: Project[] }) {
  const now = useNow(true, 30_000);
  const activity = useActivity(projects);
  return (
    <ul className="divide-y divide-line rounded-card border border-line bg-surface">
      {activity.map(({ project, checkpoint, working }) => (
        <ProjectRow key={project._id} project={project} checkpoint={checkpoint} working={working} now={now} />
      ))}
    </ul>
  );
}

/** Three rows in the shape of projects. */
export function ProjectListSkeleton() {
  return (
    <Loading what="projects" className="divide-y divide-line rounded-card border border-line bg-surface">
      {[0, 1, 2].map((row) => (
        <div key={row} className="flex items-center gap-3.5 px-3.5 py-3">
          <Skeleton className="h-12 w-18 max-sm:hidden" />
          <div className="flex flex-col gap-2">
            <Skeleton className="h-4 w-32" />
            <Skeleton className="h-3.5 w-44" />
          </div>
        </div>
      ))}
    </Loading>
  );
}
