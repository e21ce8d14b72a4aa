import { Loading, Skeleton } from "@/ui/Skeleton";
import { ConnectionStrip } from "./ConnectionStrip";

/** The page before anything is known: a header, and whether the server answers. */
export function PageSkeleton() {
  return (
    <div className="flex min-h-dvh flex-col">
      <Loading what="the page" className="flex h-12 shrink-0 items-center gap-2 border-b border-line px-4">
        <Skeleton className="size-6" />
        <Skeleton className="h-4 w-28" />
      </Loading>
      <ConnectionStrip />
    </div>
  );
}
