import { Loading, Skeleton } from "@/ui/Skeleton";

/** The page before anything is known: a header, and rows in the shape of home. */
export function PageSkeleton() {
  return (
    <Loading what="the page" className="flex min-h-dvh flex-col">
      <div className="flex h-12 shrink-0 items-center gap-2 border-b border-line px-4">
        <Skeleton className="size-6" />
        <Skeleton className="h-4 w-28" />
      </div>
    </Loading>
  );
}
