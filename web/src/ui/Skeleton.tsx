import { cx } from "@/lib/cx";

/** A grey stand-in in the shape of what is loading; not seen in the first 150 ms. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <span aria-hidden className="block appear-late">
      <span className={cx("block animate-pulse-slow bg-line", !className?.includes("rounded") && "rounded-code", className)} />
    </span>
  );
}

/** Says that something loads, for readers; skeletons themselves say nothing. */
export function Loading({ what, children, className }: { what: string; children: React.ReactNode; className?: string }) {
  return (
    <div role="status" aria-busy className={className}>
      <span className="sr-only">Loading {what}</span>
      {children}
    </div>
  );
}
