import { SignInForm } from "@/features/signin";
import type { User } from "@/sync";
import { Dialog, Link, linkClass } from "@/ui";

/** Over the page whose session ended: the page and what was typed stay as they are. */
export function SignedOutDialog({ user }: { user: User }) {
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
      open
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
