import { useAction, useMutation, usePaginatedQuery, useQueries, useQuery } from "convex/react";
import type { FunctionReference, FunctionReturnType } from "convex/server";
import { useMemo } from "react";
import { type Fault, toFault } from "./fault";

/**
 * useQuery(ref, args | "skip"): undefined while it loads, throws what the server threw (the pane's error boundary shows
 * it). useMutation(ref) and useAction(ref) give a function; useMutation(ref).withOptimisticUpdate shows a change at once.
 */
export { useAction, useMutation, usePaginatedQuery, useQueries, useQuery };

/** A query whose refusal the caller shows itself. While it loads both are undefined. */
export function useResult<Query extends FunctionReference<"query">>(
  query: Query,
  args: Query["_args"] | "skip",
): { data?: FunctionReturnType<Query>; fault?: Fault } {
  const skip = args === "skip";
  const key = JSON.stringify(args);
  const queries = useMemo(
    (): Parameters<typeof useQueries>[0] => (skip ? {} : { query: { query, args } }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- equal arguments are the same question
    [query, key, skip],
  );
  const result: unknown = useQueries(queries).query;
  if (result instanceof Error) return { fault: toFault(result) };
  return { data: result as FunctionReturnType<Query> | undefined };
}
