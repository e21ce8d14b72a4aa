import { CircleAlert, CircleCheck, Clock, Info } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

export type NoteTone = "warn" | "bad" | "ok" | "info";

const tones: Record<NoteTone, { box: string; title: string; icon: typeof Info }> = {
  warn: { box: "bg-warn-soft", title: "text-warn", icon: Clock },
  bad: { box: "bg-bad-soft", title: "text-bad", icon: CircleAlert },
  ok: { box: "bg-ok-soft", title: "text-ok", icon: CircleCheck },
  info: { box: "bg-sunken", title: "text-ink", icon: Info },
};

export type NoteProps = {
  tone: NoteTone;
  /** The bold first line: what is. */
  title: ReactNode;
  /** Then what is safe and what to do. */
  children?: ReactNode;
  actions?: ReactNode;
  icon?: ReactNode;
  className?: string;
};

/** A soft fill with an icon and a bold first line. It is not a live region: say it through useAnnounce as well. */
export function Note({ tone, title, children, actions, icon, className }: NoteProps) {
  const { box, title: titleClass, icon: Icon } = tones[tone];
  return (
    <div className={cx("flex gap-2.5 rounded-card border border-transparent px-3 py-2.5", box, className)}>
      <span className={cx("mt-0.5 shrink-0", titleClass)}>
        {icon ?? <Icon size={16} strokeWidth={1.75} aria-hidden />}
      </span>
      <div className="min-w-0 flex-1">
        <p className={cx("text-body font-semibold", titleClass)}>{title}</p>
        {children !== undefined && <div className="mt-0.5 text-step text-ink-2">{children}</div>}
        {actions !== undefined && <div className="mt-2 flex flex-wrap gap-2">{actions}</div>}
      </div>
    </div>
  );
}
