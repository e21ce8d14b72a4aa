import { Loader } from "lucide-react";
import { cx } from "@/lib/cx";

/** The one thing that moves: it marks what works now. Always stands beside words; stands still for reduced motion. */
export function LiveNode({ size = 14, className }: { size?: number; className?: string }) {
  return (
    <Loader
      size={size}
      strokeWidth={2.5}
      aria-hidden
      className={cx("shrink-0 animate-live text-accent-text", className)}
    />
  );
}
