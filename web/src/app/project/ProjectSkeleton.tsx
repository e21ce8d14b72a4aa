import { Loading, Skeleton } from "@/ui";

/** The project page before anything is known, in its final shape. */
export function ProjectSkeleton() {
  return (
    <Loading what="the project" className="flex h-dvh flex-col">
      <div className="flex h-12 shrink-0 items-center gap-3 border-b border-line px-4">
        <Skeleton className="size-6" />
        <Skeleton className="h-4 w-40" />
      </div>
      <div className="flex min-h-0 flex-1">
        <div className="flex w-full flex-col justify-end gap-3 p-4 lg:w-[440px]">
          <Skeleton className="h-24 w-full" />
        </div>
        <div className="flex-1 border-l border-line bg-sunken max-lg:hidden" />
      </div>
    </Loading>
  );
}
