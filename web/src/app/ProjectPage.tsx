import { usePlace } from "@/lib/usePlace";
import { api, FaultError, isMissing, useQuery, useResult } from "@/sync";
import { NotFoundPage } from "./NotFoundPage";
import { OpenProject } from "./project/OpenProject";
import { ProjectSkeleton } from "./project/ProjectSkeleton";

/** /p/:projectId. A malformed id is refused by the server and reads like a missing one. */
export function ProjectPage() {
  const [place] = usePlace();
  const { data: project, fault } = useResult(api.projects.getProject, { projectId: place.projectId });
  const user = useQuery(api.auth.loggedInUser, {});
  if (fault !== undefined && !isMissing(fault)) throw new FaultError(fault);
  if (project === null || fault !== undefined) return <NotFoundPage what="project" />;
  if (project === undefined || !user) return <ProjectSkeleton />;
  return <OpenProject project={project} user={user} />;
}
