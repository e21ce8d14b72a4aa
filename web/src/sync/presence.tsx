import { useAuthActions } from "@convex-dev/auth/react";
import { useConvexAuth, useQuery } from "convex/react";
import { createContext, type ReactNode, useContext, useEffect } from "react";
import { api } from "./api";

/** "loading" until the server has accepted or refused the stored session. */
export type AuthState = "loading" | "signed-in" | "signed-out";

const Context = createContext<AuthState>("loading");

/**
 * Knows whether somebody is signed in. A session may also end without the client's knowing, when it was ended from
 * another browser: then the server answers as to a stranger, and the person's own document is null. That counts as
 * signed out in the very drawing in which every other answer turns empty, so that useHeld can keep the page as it was.
 */
export function Presence({ children }: { children: ReactNode }) {
  const { isLoading, isAuthenticated } = useConvexAuth();
  const { signOut } = useAuthActions();
  const user = useQuery(api.auth.loggedInUser, isAuthenticated ? {} : "skip");
  const ended = isAuthenticated && user === null;
  useEffect(() => {
    // The tokens of an ended session are worthless, and would stand in the way of the next.
    if (ended) void signOut();
  }, [ended, signOut]);
  const state = isLoading ? "loading" : !isAuthenticated || ended ? "signed-out" : user ? "signed-in" : "loading";
  return <Context value={state}>{children}</Context>;
}

export function useAuthState(): AuthState {
  return useContext(Context);
}
