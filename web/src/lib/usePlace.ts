import { useCallback, useMemo } from "react";
import { useLocation, useParams, useSearch } from "wouter";
import { formatPlace, parsePlace, type Place } from "./place";

/**
 * The place in the project page and a function that changes parts of it. `go({tab: "files", file})` leaves the rest as
 * it is; a part set to undefined is removed. `replace` keeps the history as it is: for what is not a step of the
 * reader's own, such as the session that a first visit chose.
 */
export function usePlace(): [Place, (change: Partial<Place>, how?: { replace?: boolean }) => void] {
  const { projectId = "" } = useParams<{ projectId: string }>();
  const search = useSearch();
  const [, navigate] = useLocation();
  const place = useMemo(() => parsePlace(projectId, search), [projectId, search]);
  const go = useCallback(
    (change: Partial<Place>, how?: { replace?: boolean }) => {
      // From the address, not from the last drawing: two changes in one event must both count.
      const now = parsePlace(projectId, window.location.search);
      navigate(formatPlace({ ...now, ...change }), how);
    },
    [projectId, navigate],
  );
  return [place, go];
}
