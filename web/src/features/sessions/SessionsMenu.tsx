import { ChevronDown, MessagesSquare, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { ago } from "@/lib/time";
import type { Session } from "@/sync";
import { buttonClass, Menu, MenuChoice, MenuItem, MenuOption, MenuRule } from "@/ui";
import { DeleteSession, RenameSession } from "./SessionDialogs";
import { sessionLabel, sessionTitle } from "./title";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

export type SessionsMenuProps = {
  projectName: string;
  /** Newest first. */
  sessions: Session[];
  current?: Session;
  /** Sessions whose run works now. */
  working: ReadonlySet<string>;
  /** Narrow pages: the button shows an icon only. */
  compact?: boolean;
  onOpen(sessionId: string | undefined): void;
  onNew(): void;
};

/** The sessions of the project, in the header: open, new, rename, delete. */
export function SessionsMenu({ projectName, sessions, current, working, compact, onOpen, onNew }: SessionsMenuProps) {
  const [dialog, setDialog] = useState<"rename" | "delete">();
  const labelOf = (s: Session) => sessionLabel(s, sessions, projectName);
  const title = current ? labelOf(current) : "New session";
  return (
    <>
      <Menu
        trigger={
          <button
            type="button"
            aria-label={`Session: ${title}`}
            className={buttonClass("quiet", "md", compact ? "touch-square px-2" : "min-w-0 shrink px-2")}
          >
            {compact ? (
              <MessagesSquare {...icon} />
            ) : (
              <span className="truncate text-body font-medium text-ink">{title}</span>
            )}
            <ChevronDown size={14} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink-2" />
          </button>
        }
      >
        {sessions.length > 0 && (
          <>
            <MenuChoice value={current?._id ?? ""} onChange={onOpen}>
              {sessions.map((s) => (
                <MenuOption key={s._id} value={s._id} note={note(s, labelOf(s), working.has(s._id))}>
                  {working.has(s._id) && (
                    <span aria-hidden className="mr-2 inline-block size-2 rounded-full bg-accent" />
                  )}
                  {labelOf(s)}
                </MenuOption>
              ))}
            </MenuChoice>
            <MenuRule />
          </>
        )}
        <MenuItem icon={<Plus {...icon} />} onSelect={onNew}>
          New session
        </MenuItem>
        {current && (
          <>
            <MenuItem icon={<Pencil {...icon} />} onSelect={() => setDialog("rename")}>
              Rename
            </MenuItem>
            <MenuItem icon={<Trash2 {...icon} />} danger onSelect={() => setDialog("delete")}>
              Delete
            </MenuItem>
          </>
        )}
      </Menu>
      {current && dialog === "rename" && <RenameSession session={current} onClose={() => setDialog(undefined)} />}
      {current && dialog === "delete" && (
        <DeleteSession
          session={current}
          label={title}
          onClose={() => setDialog(undefined)}
          onDeleted={() => onOpen(sessions.find((s) => s._id !== current._id)?._id)}
        />
      )}
    </>
  );
}

function note(session: Session, label: string, working: boolean) {
  const when = working ? "Working" : ago(lastActivity(session), Date.now());
  const title = sessionTitle(session);
  return title === label ? when : <span className="block truncate">{`${when} · ${title}`}</span>;
}

// The last run's end where the server keeps it, else when the session began.
function lastActivity(session: Session): number {
  const stats = Array.isArray(session.stats) ? (session.stats as { createdAt?: unknown }[]) : [];
  const last = stats.at(-1)?.createdAt;
  return typeof last === "number" ? last : session._creationTime;
}
