import { useAuthActions } from "@convex-dev/auth/react";
import { useCallback } from "react";
import { toFault } from "./fault";

/** Why a sign-in was refused, by the field or the form that it concerns. */
export type Refusal =
  | { kind: "wrong" }
  | { kind: "taken" }
  | { kind: "short" }
  | { kind: "limited"; minutes: number }
  | { kind: "other"; message: string };

type SignIn = {
  /** Resolves to undefined when signed in. */
  password(flow: "signIn" | "signUp", email: string, password: string): Promise<Refusal | undefined>;
  guest(): Promise<Refusal | undefined>;
  /** Leaves the page for Google; comes back to `redirectTo`. */
  google(redirectTo: string): Promise<Refusal | undefined>;
};

export function useSignIn(): SignIn {
  const { signIn } = useAuthActions();
  const attempt = useCallback(
    async (provider: string, params: Record<string, string>): Promise<Refusal | undefined> => {
      try {
        await signIn(provider, params);
        return undefined;
      } catch (error) {
        return toRefusal(error);
      }
    },
    [signIn],
  );
  return {
    password: (flow, email, password) => attempt("password", { flow, email, password }),
    guest: () => attempt("anonymous", {}),
    google: (redirectTo) => attempt("google", { redirectTo }),
  };
}

/** Ends the session here and on the server. */
export function useSignOut(): () => Promise<void> {
  return useAuthActions().signOut;
}

// The budget of failed tries refills at ten an hour.
const minutesPerTry = 6;

/** Reads why the server refused; its texts are those of the sign-in library. */
export function toRefusal(error: unknown): Refusal {
  const { message } = toFault(error);
  if (/InvalidAccountId|InvalidSecret/.test(message)) return { kind: "wrong" };
  if (/TooManyFailedAttempts/.test(message)) {
    const minutes = Number(/(\d+) minute/.exec(message)?.[1]);
    return { kind: "limited", minutes: minutes > 0 ? minutes : minutesPerTry };
  }
  if (/already exists/.test(message)) return { kind: "taken" };
  if (/Invalid password/.test(message)) return { kind: "short" };
  return { kind: "other", message };
}
