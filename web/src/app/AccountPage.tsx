import { AccountView } from "@/features/account";
import { landHere } from "@/lib/nav";
import { useTitle } from "@/lib/useTitle";
import { api, useQuery } from "@/sync";
import { ConnectionStrip } from "./ConnectionStrip";
import { Header } from "./Header";
import { UserMenu } from "./UserMenu";
import { useSignOutAsk } from "./useSignOutAsk";

/** /settings: the account and the theme. */
export function AccountPage() {
  useTitle("Account");
  const user = useQuery(api.auth.loggedInUser, {});
  const signOut = useSignOutAsk(user);
  return (
    <div className="flex min-h-dvh flex-col">
      <Header start={<span className="ml-1 text-body font-semibold">Account</span>} end={<UserMenu />} />
      <ConnectionStrip />
      <main ref={landHere} tabIndex={-1} className="mx-auto w-full max-w-[640px] px-4 pt-12 pb-16 outline-none sm:px-6">
        <h1 className="sr-only">Account</h1>
        {user && <AccountView user={user} onSignOut={signOut.ask} />}
      </main>
      {signOut.dialog}
    </div>
  );
}
