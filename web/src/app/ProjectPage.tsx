import { ChevronDown, ChevronLeft, FolderOpen, MessageSquare, PanelsTopLeft } from "lucide-react";
import { ProjectMenu } from "@/features/projects";
import { useNavigate } from "@/lib/nav";
import { useWidth } from "@/lib/useMedia";
import { usePlace } from "@/lib/usePlace";
import { useTitle } from "@/lib/useTitle";
import { api, type Project, useResult } from "@/sync";
import { buttonClass, Link } from "@/ui";
import { ConnectionStrip } from "./ConnectionStrip";
import { Header } from "./Header";
import { NotFoundPage } from "./NotFoundPage";
import { ProjectLayout } from "./ProjectLayout";
import { UserMenu } from "./UserMenu";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

/** /p/:projectId. A malformed id is refused by the server and reads like a missing one. */
export function ProjectPage() {
  const [place] = usePlace();
  const { data: project, fault } = useResult(api.projects.getProject, { projectId: place.projectId });
  if (project === null || fault !== undefined) return <NotFoundPage what="project" />;
  if (project === undefined) return null;
  return <OpenProject project={project} />;
}

function OpenProject({ project }: { project: Project }) {
  const [place, go] = usePlace();
  useTitle(project.name);
  return (
    <ProjectLayout
      header={<ProjectHeader project={project} />}
      strips={<ConnectionStrip />}
      chat={null}
      chatIcon={<MessageSquare {...icon} />}
      panels={[
        { id: "preview", label: "Preview", icon: <PanelsTopLeft {...icon} />, panel: null },
        { id: "files", label: "Files", icon: <FolderOpen {...icon} />, panel: null },
      ]}
      tab={place.tab}
      onTab={(tab) => go({ tab })}
    />
  );
}

function ProjectHeader({ project }: { project: Project }) {
  const phone = useWidth() === "phone";
  const navigate = useNavigate();
  return (
    <Header
      home={!phone}
      start={
        <>
          {phone && (
            <Link href="/" aria-label="Your projects" className={buttonClass("quiet", "md", "touch-square px-2")}>
              <ChevronLeft {...icon} />
            </Link>
          )}
          <h1 className="min-w-0">
            <ProjectMenu
              project={project}
              onDeleted={() => navigate("/", { replace: true })}
              trigger={
                <button type="button" className={buttonClass("quiet", "md", "max-w-full px-2 text-ink")}>
                  <span className="truncate text-body font-semibold">{project.name}</span>
                  <ChevronDown size={14} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink-2" />
                </button>
              }
            />
          </h1>
        </>
      }
      end={!phone && <UserMenu />}
    />
  );
}
