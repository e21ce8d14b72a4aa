import { ChevronDown, ChevronLeft } from "lucide-react";
import type { ReactNode } from "react";
import { ProjectMenu } from "@/features/projects";
import { useNavigate } from "@/lib/nav";
import { useWidth } from "@/lib/useMedia";
import type { Project } from "@/sync";
import { buttonClass, Link } from "@/ui";
import { Header } from "../Header";
import { UserMenu } from "../UserMenu";

export type ProjectHeaderProps = { project: Project; sessions: ReactNode; chip: ReactNode; deploy: ReactNode };

/** Name, session, what works, and Deploy. */
export function ProjectHeader({ project, sessions, chip, deploy }: ProjectHeaderProps) {
  const phone = useWidth() === "phone";
  const navigate = useNavigate();
  return (
    <Header
      home={!phone}
      start={
        <>
          {phone && (
            <Link href="/" aria-label="Your projects" className={buttonClass("quiet", "md", "touch-square px-2")}>
              <ChevronLeft size={16} strokeWidth={1.75} aria-hidden />
            </Link>
          )}
          <h1 className="min-w-0">
            <ProjectMenu
              project={project}
              onDeleted={() => navigate("/", { replace: true })}
              trigger={
                <button type="button" className={buttonClass("quiet", "md", "max-w-full px-2")}>
                  <span className="truncate text-body font-semibold text-ink">{project.name}</span>
                  <ChevronDown size={14} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink-2" />
                </button>
              }
            />
          </h1>
          {!phone && (
            <span aria-hidden className="text-ink-3">
              /
            </span>
          )}
          {sessions}
        </>
      }
      end={
        <>
          {!phone && chip}
          {deploy}
          {!phone && <UserMenu />}
        </>
      }
    />
  );
}
