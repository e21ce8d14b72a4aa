import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

export type StateViewProps = {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  /** Lines of a log, in mono. */
  lines?: string[];
  actions?: ReactNode;
};

/** What stands in the app's place: one sentence, what is safe, and the way on. */
export function StateView({ icon, title, children, lines = [], actions }: StateViewProps) {
  return (
    <div className="flex flex-1 justify-center overflow-y-auto p-6">
      <div className={cx("my-auto flex w-full gap-3 pb-[8dvh]", lines.length > 0 ? "max-w-xl" : "max-w-96")}>
        <span className="mt-1 shrink-0 text-ink-2">{icon}</span>
        <div className="min-w-0 flex-1">
          <h2 className="text-section font-semibold">{title}</h2>
          {children && <div className="mt-1 text-body text-ink-2">{children}</div>}
          {lines.length > 0 && (
            <pre
              className="mt-3 rounded-field border border-line bg-code px-3 py-2 text-mono break-words whitespace-pre-wrap"
              tabIndex={0}
              aria-label="Last lines"
            >
              {lines.join("\n")}
            </pre>
          )}
          {actions && <div className="mt-4 flex flex-wrap gap-2">{actions}</div>}
        </div>
      </div>
    </div>
  );
}
