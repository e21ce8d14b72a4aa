import {
  useAction,
  useConvex,
  useMutation,
  usePaginatedQuery as useClientPages,
  type PaginatedQueryArgs,
  type PaginatedQueryReference,
  useQueries,
} from "convex/react";
import type { FunctionReference, FunctionReturnType } from "convex/server";
import { useMemo, useRef } from "react";
import { type Fault, toFault } from "./fault";
import { useAuthState } from "./presence";

/** They give a function; useMutation(ref).withOptimisticUpdate shows a change at once. */
export { useAction, useMutation };

type Query = FunctionReference<"query">;

/** A live query: undefined while it loads; throws what the server threw, for the pane's error boundary. */
export function useQuery<Q extends Query>(query: Q, args: Q["_args"] | "skip"): FunctionReturnType<Q> | undefined {
  const result = useRaw(query, args);
  if (result instanceof Error) throw result;
  return result as FunctionReturnType<Q> | undefined;
}

/** A live query whose refusal the caller shows itself. While it loads both are undefined. */
export function useResult<Q extends Query>(
  query: Q,
  args: Q["_args"] | "skip",
): { data?: FunctionReturnType<Q>; fault?: Fault } {
  const result = useRaw(query, args);
  if (result instanceof Error) return { fault: toFault(result) };
  return { data: result as FunctionReturnType<Q> | undefined };
}

/** One live query with several arguments, under the caller's keys; what still loads or failed is undefined. */
export function useEach<Q extends Query>(
  query: Q,
  args: Record<string, Q["_args"]>,
): Record<string, FunctionReturnType<Q> | undefined> {
  const key = JSON.stringify(args);
  const queries = useMemo(
    () => Object.fromEntries(Object.entries(args).map(([name, each]) => [name, { query, args: each }])),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- equal arguments are the same question
    [query, key],
  );
  const results: Record<string, unknown> = useHeld(useQueries(queries), key);
  return useMemo(
    () =>
      Object.fromEntries(
        Object.entries(results).map(([name, result]) => [
          name,
          result instanceof Error ? undefined : (result as FunctionReturnType<Q>),
        ]),
      ),
    [results],
  );
}

/** Pages of a live list. */
export function usePaginatedQuery<Q extends PaginatedQueryReference>(
  query: Q,
  args: PaginatedQueryArgs<Q> | "skip",
  options: { initialNumItems: number },
) {
  return useHeld(useClientPages(query, args, options), JSON.stringify(args));
}

/** Asks a query once, now. */
export function useAsk(): <Q extends Query>(query: Q, args: Q["_args"]) => Promise<FunctionReturnType<Q>> {
  const client = useConvex();
  return (query, args) => client.query(query, args);
}

function useRaw(query: Query, args: Record<string, unknown> | "skip"): unknown {
  const skip = args === "skip";
  const key = JSON.stringify(args);
  const queries = useMemo(
    (): Parameters<typeof useQueries>[0] => (skip ? {} : { query: { query, args } as never }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- equal arguments are the same question
    [query, key, skip],
  );
  return useHeld(useQueries(queries).query as unknown, key);
}

/**
 * When the session ends under an open page, the server answers everything as to a stranger: empty lists, no project.
 * What was on the screen stays there instead, until somebody signs in again or leaves.
 */
function useHeld<T>(result: T, key: string): T {
  const signedIn = useAuthState() === "signed-in";
  const held = useRef<{ key: string; result: T }>(undefined);
  if (signedIn && result !== undefined) held.current = { key, result };
  return !signedIn && held.current?.key === key ? held.current.result : result;
}
