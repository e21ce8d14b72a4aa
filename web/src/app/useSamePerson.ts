import { useEffect, useRef } from "react";
import { api, useAuthState, useResult, type User } from "@/sync";

/** Somebody else signed in on this page: nothing of the person before may stay on it. */
export function useSamePerson(user: User | null | undefined): void {
  const state = useAuthState();
  const { data: now } = useResult(api.auth.loggedInUser, state === "signed-in" ? {} : "skip");
  const first = useRef<string>(undefined);
  first.current ??= user?._id;
  useEffect(() => {
    if (now && first.current && now._id !== first.current) window.location.assign("/");
  }, [now]);
}
