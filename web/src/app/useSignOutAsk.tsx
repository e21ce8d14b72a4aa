import { type ReactNode, useState } from "react";
import { clearDrafts, hasDrafts } from "@/lib/drafts";
import { useSignOut, type User } from "@/sync";
import { Button, Dialog } from "@/ui";
import { markLeaving } from "./leaving";

/** Signing out: `ask` does it, or asks first where it loses something; `dialog` must stand somewhere in the page. */
export function useSignOutAsk(user: User | null | undefined): { ask(): void; dialog: ReactNode } {
  const signOut = useSignOut();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const leave = async (id: string) => {
    setBusy(true);
    markLeaving(true);
    clearDrafts(id);
    await signOut();
  };
  if (!user) return { ask: () => {}, dialog: null };
  const ask = () => {
    if (user.isAnonymous || hasDrafts(user._id)) setOpen(true);
    else void leave(user._id);
  };
  const dialog = (
    <Dialog
      open={open}
      onOpenChange={setOpen}
      title="Sign out?"
      description={
        user.isAnonymous
          ? "A guest can't sign in again: after this nobody can open your projects."
          : "What you typed and have not sent is removed from this browser."
      }
      footer={
        <>
          <Button onClick={() => setOpen(false)}>Cancel</Button>
          <Button look="danger" busy={busy} busyLabel="Signing out" onClick={() => void leave(user._id)}>
            Sign out
          </Button>
        </>
      }
    />
  );
  return { ask, dialog };
}
