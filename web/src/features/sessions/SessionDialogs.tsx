import { useState } from "react";
import { api, type Session, toFault, useMutation } from "@/sync";
import { Button, Dialog, Field } from "@/ui";
import { sessionTitle } from "./title";

export function RenameSession({ session, onClose }: { session: Session; onClose(): void }) {
  const rename = useMutation(api.sessions.renameSession);
  const [title, setTitle] = useState(sessionTitle(session));
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const save = () => {
    if (busy) return;
    if (title.trim() === "") return setError("Enter a title.");
    setBusy(true);
    rename({ sessionId: session._id, title: title.trim() }).then(onClose, (e: unknown) => {
      setBusy(false);
      setError(toFault(e).message);
    });
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Rename session"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form="rename-session" busy={busy} busyLabel="Renaming">
            Rename
          </Button>
        </>
      }
    >
      <form
        id="rename-session"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          save();
        }}
      >
        <Field
          label="Title"
          value={title}
          error={error}
          maxLength={120}
          autoFocus
          onFocus={(e) => e.target.select()}
          onChange={(e) => setTitle(e.target.value)}
        />
      </form>
    </Dialog>
  );
}

type DeleteProps = { session: Session; label: string; onClose(): void; onDeleted(): void };

export function DeleteSession({ session, label, onClose, onDeleted }: DeleteProps) {
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
      title="Delete session?"
      description={`“${label}” and its prompts go away. The project's files and checkpoints stay.`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" busy={busy} busyLabel="Deleting" onClick={go}>
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
