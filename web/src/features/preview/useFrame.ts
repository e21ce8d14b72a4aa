import { useCallback, useEffect, useRef, useState } from "react";
import { api, type Fault, toFault, useAction, useReconnects } from "@/sync";
import { isFresh } from "./fresh";

const hiddenFor = 10 * 60_000;

// A page that is never found fresh is one whose versions don't hold still.
const maxRepeats = 3;

export interface Frame {
  /** Address of the frame; undefined while no link is there. */
  src?: string;
  /** Changes when the frame must be made anew. */
  key: number;
  /** The app's own origin, once it is known. */
  origin?: string;
  fault?: Fault;
  loaded: boolean;
  onLoad(): void;
  reload(): void;
  go(path: string): void;
}

/**
 * The frame's address. A signed link opens a path of the app once and leaves a cookie on its origin; from then on paths
 * are opened directly. The frame is dropped after ten minutes in a hidden tab, so that an idle project can sleep.
 */
export function useFrame(projectId: string, sandboxId: string | undefined, path: string, wanted: boolean): Frame {
  const link = useAction(api.projects.previewLink);
  const [state, setState] = useState<{ src?: string; origin?: string; key: number; fault?: Fault }>({ key: 0 });
  const [loaded, setLoaded] = useState(false);
  const latest = useRef(path);
  const turn = useRef(0);

  const open = useCallback(
    async (to: string) => {
      const mine = ++turn.current;
      setLoaded(false);
      try {
        const { url } = await link({ projectId, path: to });
        if (mine !== turn.current) return;
        setState((s) => ({ src: url, origin: new URL(url).origin, key: s.key + 1 }));
      } catch (error) {
        if (mine === turn.current) setState((s) => ({ key: s.key + 1, fault: toFault(error) }));
      }
    },
    [link, projectId],
  );

  useEffect(() => {
    latest.current = path;
  }, [path]);

  useEffect(() => {
    if (!wanted || !sandboxId) {
      turn.current++;
      setState((s) => (s.src || s.fault ? { key: s.key + 1 } : s));
      return;
    }
    void open(latest.current);
  }, [wanted, sandboxId, open]);

  // The dev server's own socket went down with ours, and its client can't find
  // it again from inside a partitioned frame: without this the app would stand
  // still. While the line holds, the frame is left alone.
  const reconnects = useReconnects();
  const seen = useRef(reconnects);
  useEffect(() => {
    if (reconnects === seen.current) return;
    seen.current = reconnects;
    if (wanted && sandboxId) void open(latest.current);
  }, [reconnects, wanted, sandboxId, open]);

  useDropWhenHidden(
    useCallback(() => {
      turn.current++;
      setState((s) => ({ key: s.key + 1 }));
    }, []),
    useCallback(() => {
      if (wanted) void open(latest.current);
    }, [wanted, open]),
  );

  const go = (to: string) => {
    if (!state.origin) {
      void open(to);
      return;
    }
    setLoaded(false);
    setState((s) => ({ ...s, src: state.origin + to, key: s.key + 1 }));
  };

  const compare = useCompare(state.key);
  const onLoad = () => {
    setLoaded(true);
    if (state.origin) compare(state.origin, () => go(latest.current));
  };

  return { ...state, loaded, onLoad, reload: () => void open(latest.current), go };
}

/**
 * Loads a frame once more when it missed a change while it loaded, and then compares again. A frame that listens is
 * left alone: changes reach it by HMR.
 */
function useCompare(key: number): (origin: string, again: () => void) => void {
  const asking = useRef<AbortController>(undefined);
  const repeats = useRef(0);
  // What was asked about a frame that is no longer there means nothing.
  useEffect(() => () => asking.current?.abort(), [key]);
  return (origin, again) => {
    asking.current?.abort();
    const mine = new AbortController();
    asking.current = mine;
    void isFresh(origin, mine.signal).then((fresh) => {
      if (mine.signal.aborted) return;
      if (!fresh && repeats.current < maxRepeats) {
        repeats.current++;
        again();
      } else {
        repeats.current = 0;
      }
    });
  };
}

function useDropWhenHidden(drop: () => void, restore: () => void): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let dropped = false;
    const onChange = () => {
      clearTimeout(timer);
      if (document.hidden) {
        timer = setTimeout(() => {
          dropped = true;
          drop();
        }, hiddenFor);
      } else if (dropped) {
        dropped = false;
        restore();
      }
    };
    document.addEventListener("visibilitychange", onChange);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onChange);
    };
  }, [drop, restore]);
}
