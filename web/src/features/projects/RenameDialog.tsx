import { type FormEvent, useState } from "react";
import { api, type Project, toFault, useMutation } from "@/sync";
import { Button, Dialog, Field } from "@/ui";

type Props = { project: Project; onClose(): void };

const longest = 80;

/** Gives a project another name. */
export function RenameDialog({ project, onClose }: Props) {
  const rename = useMutation(api.projects.renameProject);
  const [name, setName] = useState(project.name);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const next = name.trim();
    if (next === "") return setError("Enter a name.");
    if (next === project.name) return onClose();
    setBusy(true);
    try {
      await rename({ projectId: project._id, name: next });
      onClose();
    } catch (refused) {
      setError(toFault(refused).message);
      setBusy(false);
    }
  };
  const form = `rename-${project._id}`;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Rename project"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={form} busy={busy} busyLabel="Renaming">
            Rename
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={(event) => void submit(event)} noValidate>
        <Field
          label="Name"
          value={name}
          maxLength={longest}
          autoFocus
          onFocus={(event) => event.target.select()}
          onChange={(event) => setName(event.target.value)}
          error={error}
        />
      </form>
    </Dialog>
  );
}
