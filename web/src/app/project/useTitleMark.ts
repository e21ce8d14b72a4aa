import { useEffect, useRef, useState } from "react";
import type { TitleMark } from "@/lib/useTitle";
import type { Run } from "@/sync";

/** The mark in the tab's title: working, or how a run ended while nobody looked. */
export function useTitleMark(active: Run | undefined, ended: Run | undefined, loaded: boolean): TitleMark | undefined {
  const [unseen, setUnseen] = useState<TitleMark>();
  const before = useRef(ended?._id);
  const known = useRef(false);
  useEffect(() => {
    if (!loaded) return;
    const fresh = known.current && before.current !== ended?._id;
    before.current = ended?._id;
    // The first answer tells what was, not what has just happened.
    known.current = true;
    if (fresh && ended && document.hidden) setUnseen(ended.status === "succeeded" ? "done" : "failed");
  }, [ended, loaded]);
  useEffect(() => {
    const seen = () => !document.hidden && setUnseen(undefined);
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, []);
  return active ? "working" : unseen;
}
