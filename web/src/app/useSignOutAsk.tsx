import { type ReactNode, Suspense, useState } from "react";
import { clearDrafts, hasDrafts } from "@/lib/drafts";
import { lazyPart } from "@/lib/lazyPart";
import { useSignOut, type User } from "@/sync";
import { markLeaving } from "./leaving";

const SignOutDialog = lazyPart(() => import("./SignOutDialog").then((module) => module.SignOutDialog));

/** Signing out: `ask` does it, or asks first where it loses something; `dialog` must stand somewhere in the page. */
export function useSignOutAsk(user: User | null | undefined): { ask(): void; dialog: ReactNode } {
  const signOut = useSignOut();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  if (!user) return { ask: () => {}, dialog: null };
  const guest = user.isAnonymous === true;
  const leave = async () => {
    setBusy(true);
    markLeaving(true);
    clearDrafts(user._id);
    await signOut();
  };
  const ask = () => {
    if (guest || hasDrafts(user._id)) setOpen(true);
    else void leave();
  };
  const dialog = (
    <Suspense>
      {open && <SignOutDialog guest={guest} busy={busy} onLeave={() => void leave()} onClose={() => setOpen(false)} />}
    </Suspense>
  );
  return { ask, dialog };
}
