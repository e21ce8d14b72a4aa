import { Keyboard, LogOut, Settings } from "lucide-react";
import { useNavigate } from "@/lib/nav";
import { initials } from "@/lib/text";
import { api, useQuery } from "@/sync";
import { Avatar, Menu, MenuItem, MenuRule, MenuText } from "@/ui";
import { useSignOutAsk } from "./useSignOutAsk";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

/** The avatar with its menu: account, keys, sign out. */
export function UserMenu() {
  const user = useQuery(api.auth.loggedInUser, {});
  const navigate = useNavigate();
  const signOut = useSignOutAsk(user);
  if (!user) return null;
  const letters = user.isAnonymous ? "" : initials(user.name, user.email);
  const who = user.isAnonymous ? "Guest" : (user.name ?? user.email ?? "You");
  return (
    <>
      {user.isAnonymous && <span className="text-step text-ink-2">Guest</span>}
      <Menu
        align="end"
        trigger={
          <button
            type="button"
            // The name holds what is seen, for those who speak to their computer.
            aria-label={letters === "" ? `Account of ${who}` : `${letters}, account of ${who}`}
            className="touch-square inline-flex items-center justify-center rounded-full"
          >
            <Avatar letters={letters} />
          </button>
        }
      >
        <MenuText>{user.isAnonymous ? "Your work is kept in this browser only." : who}</MenuText>
        <MenuRule />
        <MenuItem icon={<Settings {...icon} />} onSelect={() => navigate("/settings")}>
          Account
        </MenuItem>
        <MenuItem
          icon={<Keyboard {...icon} />}
          keys="?"
          onSelect={() => window.dispatchEvent(new KeyboardEvent("keydown", { key: "?" }))}
        >
          Keys
        </MenuItem>
        <MenuRule />
        <MenuItem icon={<LogOut {...icon} />} onSelect={signOut.ask}>
          Sign out
        </MenuItem>
      </Menu>
      {signOut.dialog}
    </>
  );
}
