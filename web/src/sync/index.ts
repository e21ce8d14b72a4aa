/** The only folder that knows the client library: everything the page learns from the server comes through here. */
export { api } from "./api";
export { type Refusal, useSignIn, useSignOut } from "./auth";
export { type Line, reconnectNow, useLine, useReconnects } from "./connection";
export { type Fault, type FaultCode, FaultError, isMissing, toFault } from "./fault";
export { useAction, useAsk, useEach, useMutation, usePaginatedQuery, useQuery, useResult } from "./hooks";
export { type AuthState, useAuthState } from "./presence";
export { openClient, type SyncClient, SyncProvider } from "./provider";
export type * from "./types";
