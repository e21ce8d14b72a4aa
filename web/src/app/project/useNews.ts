import { useEffect, useRef, useState } from "react";

/** True once `what` has changed while the part that shows it was out of sight; undefined is not known yet. */
export function useNews(what: string | undefined, shown: boolean): boolean {
  const seen = useRef(what);
  const [news, setNews] = useState(false);
  useEffect(() => {
    if (what === undefined) return;
    if (shown || seen.current === undefined) {
      seen.current = what;
      setNews(false);
    } else if (seen.current !== what) {
      setNews(true);
    }
  }, [what, shown]);
  return news;
}
