import { type FormEvent, useState } from "react";
import { api, type Project, toFault, useMutation } from "@/sync";
import { Button, Dialog, Field } from "@/ui";

type Props = {
  project: Project;
  onClose(): void;
  /** Called once it is gone. */
  onDeleted?(): void;
};

/** Deletes a project with all it has, after its name was typed. */
export function DeleteDialog({ project, onClose, onDeleted }: Props) {
  const remove = useMutation(api.projects.deleteProject);
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (typed.trim() !== project.name.trim()) return setError(`This is not “${project.name}”.`);
    setBusy(true);
    try {
      await remove({ projectId: project._id });
      onClose();
      onDeleted?.();
    } catch (refused) {
      setError(toFault(refused).message);
      setBusy(false);
    }
  };
  const form = `delete-${project._id}`;
  const live = project.deployment?.status === "deployed" || project.deployment?.previewUrl !== undefined;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Delete “${project.name}”?`}
      description={`Its files, sessions and checkpoints are removed${live ? ", and the deployed app goes offline" : ""}. This can't be taken back.`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" type="submit" form={form} busy={busy} busyLabel="Deleting">
            Delete
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={(event) => void submit(event)} noValidate>
        <Field
          label="Name of the project"
          hint={`Type “${project.name}” to delete it.`}
          value={typed}
          autoFocus
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
          error={error}
        />
      </form>
    </Dialog>
  );
}
