import { type FormEvent, useEffect, useState } from "react";
import { api, type Project, toFault, useMutation } from "@/sync";
import { Button, Dialog, Field } from "@/ui";

type Props = { project: Project; open: boolean; onOpenChange(open: boolean): void };

const longest = 80;

/** Gives a project another name. */
export function RenameDialog({ project, open, onOpenChange }: Props) {
  const rename = useMutation(api.projects.renameProject);
  const [name, setName] = useState(project.name);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (!open) return;
    setName(project.name);
    setError(undefined);
    setBusy(false);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a name that changes meanwhile must not overwrite what is typed
  }, [open]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const next = name.trim();
    if (next === "") return setError("Enter a name.");
    if (next === project.name) return onOpenChange(false);
    setBusy(true);
    try {
      await rename({ projectId: project._id, name: next });
      onOpenChange(false);
    } catch (refused) {
      setError(toFault(refused).message);
      setBusy(false);
    }
  };
  const form = `rename-${project._id}`;
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Rename project"
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
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
