import { ChevronDown, MessagesSquare, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { ago } from "@/lib/time";
import { api, type Session, toFault, useMutation } from "@/sync";
import { Button, buttonClass, Dialog, Field, Menu, MenuChoice, MenuItem, MenuOption, MenuRule } from "@/ui";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

export type SessionsMenuProps = {
  projectId: string;
  sessions: Session[];
  current?: Session;
  /** Sessions whose run works now. */
  working: ReadonlySet<string>;
  /** Narrow pages: the button shows an icon only. */
  compact?: boolean;
  onOpen(sessionId: string | undefined): void;
};

/** The sessions of the project, in the header: open, new, rename, delete. */
export function SessionsMenu({ projectId, sessions, current, working, compact, onOpen }: SessionsMenuProps) {
  const create = useMutation(api.sessions.createSession);
  const [dialog, setDialog] = useState<"rename" | "delete">();
  const title = current ? sessionTitle(current) : "New session";
  const start = () => void create({ projectId }).then((id) => onOpen(id));
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
                <MenuOption
                  key={s._id}
                  value={s._id}
                  note={working.has(s._id) ? "Working" : ago(lastActivity(s), Date.now())}
                >
                  {working.has(s._id) && (
                    <span aria-hidden className="mr-2 inline-block size-2 rounded-full bg-accent" />
                  )}
                  {sessionTitle(s)}
                </MenuOption>
              ))}
            </MenuChoice>
            <MenuRule />
          </>
        )}
        <MenuItem icon={<Plus {...icon} />} onSelect={start}>
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
          onClose={() => setDialog(undefined)}
          onDeleted={() => onOpen(sessions.find((s) => s._id !== current._id)?._id)}
        />
      )}
    </>
  );
}

export function sessionTitle(session: Session): string {
  return session.title?.trim() || "Untitled session";
}

// The last run's end where the server keeps it, else when the session began.
function lastActivity(session: Session): number {
  const stats = Array.isArray(session.stats) ? (session.stats as { createdAt?: unknown }[]) : [];
  const last = stats.at(-1)?.createdAt;
  return typeof last === "number" ? last : session._creationTime;
}

function RenameSession({ session, onClose }: { session: Session; onClose(): void }) {
  const rename = useMutation(api.sessions.renameSession);
  const [title, setTitle] = useState(sessionTitle(session));
  const [error, setError] = useState<string>();
  const save = () => {
    if (title.trim() === "") return setError("A title, please.");
    rename({ sessionId: session._id, title: title.trim() }).then(onClose, (e: unknown) => setError(toFault(e).message));
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Rename session"
      footer={
        <>
          <Button look="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button look="primary" type="submit" form="rename-session">
            Rename
          </Button>
        </>
      }
    >
      <form
        id="rename-session"
        onSubmit={(e) => {
          e.preventDefault();
          save();
        }}
      >
        <Field label="Title" value={title} error={error} maxLength={100} onChange={(e) => setTitle(e.target.value)} />
      </form>
    </Dialog>
  );
}

function DeleteSession({ session, onClose, onDeleted }: { session: Session; onClose(): void; onDeleted(): void }) {
  const remove = useMutation(api.sessions.deleteSession);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const go = () => {
    setBusy(true);
    remove({ sessionId: session._id }).then(
      () => {
        onClose();
        onDeleted();
      },
      (e: unknown) => {
        setBusy(false);
        setError(toFault(e).message);
      },
    );
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Delete session"
      description={`“${sessionTitle(session)}” and its prompts go away. The project's files and checkpoints stay.`}
      footer={
        <>
          <Button look="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button look="danger" busy={busy} onClick={go}>
            Delete
          </Button>
        </>
      }
    >
      {error && (
        <p role="alert" className="text-step text-bad">
          {error}
        </p>
      )}
    </Dialog>
  );
}
