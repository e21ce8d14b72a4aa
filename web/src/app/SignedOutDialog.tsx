import { useEffect, useRef } from "react";
import { SignInForm } from "@/features/signin";
import { api, useAuthState, useResult, type User } from "@/sync";
import { Dialog, Link, linkClass } from "@/ui";

/** Over the page whose session ended: the page and what was typed stay as they are. */
export function SignedOutDialog({ open, user }: { open: boolean; user: User }) {
  useSamePerson(user);
  const again = user.isAnonymous ? (
    <p className="text-body">
      <Link href="/sign-in" className={linkClass}>
        Go to the sign-in page
      </Link>
    </p>
  ) : (
    <SignInForm flow="signIn" email={user.email} />
  );
  return (
    <Dialog
      open={open}
      onOpenChange={() => {}}
      mustAnswer
      title="Please sign in again"
      description={
        user.isAnonymous
          ? "Your guest session has ended, and with it the way to its projects."
          : "Your session has ended. The page and what you typed are kept."
      }
      className="max-w-[400px]"
    >
      {again}
    </Dialog>
  );
}

/** Somebody else signed in on this page: nothing of the person before may stay on it. */
function useSamePerson(user: User) {
  const state = useAuthState();
  const { data: now } = useResult(api.auth.loggedInUser, state === "signed-in" ? {} : "skip");
  const first = useRef(user._id);
  useEffect(() => {
    if (now && now._id !== first.current) window.location.assign("/");
  }, [now]);
}
