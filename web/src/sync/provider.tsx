import { ConvexAuthProvider } from "@convex-dev/auth/react";
import { ConvexReactClient } from "convex/react";
import type { ReactNode } from "react";
import { Presence } from "./presence";

export type SyncClient = ConvexReactClient;

/** The client of the server that this page came from. */
export function openClient(): SyncClient {
  // No prompt on leaving the page while a mutation is under way: it is sent again after a reload or kept as a draft.
  return new ConvexReactClient(window.location.origin, { unsavedChangesWarning: false });
}

/** Gives the page its line to the server; everything below may use the hooks of this folder. */
export function SyncProvider({ client, children }: { client: SyncClient; children: ReactNode }) {
  return (
    <ConvexAuthProvider client={client}>
      <Presence>{children}</Presence>
    </ConvexAuthProvider>
  );
}
