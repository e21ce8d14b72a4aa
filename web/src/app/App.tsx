import { type SyncClient, SyncProvider, toFault } from "@/sync";
// Not from the index: the first screen must not load the parts that only signed-in screens need.
import { Announcer } from "@/ui/Announcer";
import { ErrorBoundary } from "@/ui/ErrorBoundary";
import { Routes } from "./Routes";

const requestId = (error: unknown) => toFault(error).requestId;

/** The whole page, on one line to the server. */
export function App({ client }: { client: SyncClient }) {
  return (
    <ErrorBoundary requestId={requestId}>
      <SyncProvider client={client}>
        <Announcer>
          <Routes />
        </Announcer>
      </SyncProvider>
    </ErrorBoundary>
  );
}
