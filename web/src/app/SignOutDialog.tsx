import { Button, Dialog } from "@/ui";

type SignOutDialogProps = { guest: boolean; busy: boolean; onLeave(): void; onClose(): void };

/** Asks before a sign-out that loses something. */
export function SignOutDialog({ guest, busy, onLeave, onClose }: SignOutDialogProps) {
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Sign out?"
      description={
        guest
          ? "A guest can't sign in again: after this nobody can open your projects."
          : "What you typed and have not sent is removed from this browser."
      }
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" busy={busy} busyLabel="Signing out" onClick={onLeave}>
            Sign out
          </Button>
        </>
      }
    />
  );
}
