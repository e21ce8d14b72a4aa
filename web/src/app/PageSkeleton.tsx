import { Loading, Skeleton } from "@/ui/Skeleton";
import { ConnectionStrip } from "./ConnectionStrip";
import { ProjectSkeleton } from "./project/ProjectSkeleton";

/** A page before anything is known, in the shape of what its address will show; and whether the server answers. */
export function PageSkeleton() {
  const path = window.location.pathname;
  if (path.startsWith("/p/")) {
    return (
      <>
        <div className="absolute inset-x-0 top-12 z-10">
          <ConnectionStrip />
        </div>
        <ProjectSkeleton />
      </>
    );
  }
  return (
    <div className="flex min-h-dvh flex-col">
      <Loading what="the page" className="flex h-12 shrink-0 items-center gap-3 border-b border-line px-3 sm:px-4">
        <Skeleton className="size-6" />
        <Skeleton className="h-4 w-20" />
      </Loading>
      <ConnectionStrip />
      {path === "/" && <HomeSkeleton />}
    </div>
  );
}

function HomeSkeleton() {
  return (
    <main aria-hidden className="mx-auto w-full max-w-[880px] px-4 pt-[min(9dvh,76px)] sm:px-6">
      <Skeleton className="h-8.5 w-64" />
      <Skeleton className="mt-4 h-30 w-full rounded-box" />
      <Skeleton className="mt-12 h-6 w-20" />
      {[0, 1, 2].map((row) => (
        <Skeleton key={row} className="mt-3 h-16 w-full rounded-card" />
      ))}
    </main>
  );
}
