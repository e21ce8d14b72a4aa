import { DemoStrip, HomeView, PreparingFailedStrip, PreparingStrip, useBuild } from "@/features/projects";
import { useTitle } from "@/lib/useTitle";
import { api, toFault, useQuery, useResult } from "@/sync";
import { ErrorBoundary } from "@/ui";
import { ConnectionStrip } from "./ConnectionStrip";
import { Header } from "./Header";
import { OpeningProject } from "./OpeningProject";
import { PageSkeleton } from "./PageSkeleton";
import { UserMenu } from "./UserMenu";

/** /: the prompt box, the projects, the templates. */
export function HomePage() {
  const builder = useBuild();
  const { opening } = builder;
  useTitle(opening?.name);
  const user = useQuery(api.auth.loggedInUser, {});
  const { data: config, fault } = useResult(api.config.client, {});
  const { data: projects } = useResult(api.projects.listProjects, {});
  if (opening !== undefined) return <OpeningProject {...opening} />;
  // The strips are known in a moment; what stands under them must not jump when they come.
  if (config === undefined && fault === undefined) return <PageSkeleton />;
  return (
    <div className="flex min-h-dvh flex-col">
      <Header
        start={<span className="ml-1 text-body font-semibold">Surgent</span>}
        end={
          <>
            {config !== undefined && projects !== undefined && projects.length > 0 && (
              <span className="tabular mr-1 text-step text-ink-2">
                {projects.length} of {config.limits.projects} projects
              </span>
            )}
            <UserMenu />
          </>
        }
      />
      <ConnectionStrip />
      {config?.demo && <DemoStrip />}
      {config?.preparing && <PreparingStrip preparing={config.preparing} />}
      {config?.preparingFailed && <PreparingFailedStrip failed={config.preparingFailed} />}
      <main className="mx-auto flex w-full max-w-[880px] flex-col gap-12 px-4 pt-[min(9dvh,76px)] pb-16 sm:px-6">
        <ErrorBoundary requestId={(error) => toFault(error).requestId}>{user && <HomeView user={user} builder={builder} />}</ErrorBoundary>
      </main>
    </div>
  );
}
