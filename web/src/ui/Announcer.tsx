import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";

/** status: said when the reader has a pause. alert: said at once; only for what failed. */
export type Announce = (sentence: string, how?: "status" | "alert") => void;

const Context = createContext<Announce>(() => {});

/** Holds the two live regions, which must be in the page from the start to be heard. */
export function Announcer({ children }: { children: ReactNode }) {
  const [status, setStatus] = useSaid();
  const [alert, setAlert] = useSaid();
  const announce = useCallback<Announce>((text, how = "status") => {
    const set = how === "alert" ? setAlert : setStatus;
    set((before) => ({ text, n: before.n + 1 }));
  }, [setStatus, setAlert]);
  return (
    <Context.Provider value={announce}>
      {children}
      <div role="status" className="sr-only">
        {/* A new key makes the same sentence heard twice. */}
        <span key={status.n}>{status.text}</span>
      </div>
      <div role="alert" className="sr-only">
        <span key={alert.n}>{alert.text}</span>
      </div>
    </Context.Provider>
  );
}

// Long enough for a slow reader to have begun; who then walks through the page finds no old news at its end.
const kept = 10_000;

/** A sentence that is taken away again some time after it was said. */
function useSaid() {
  const [said, setSaid] = useState({ text: "", n: 0 });
  useEffect(() => {
    if (said.text === "") return;
    const timer = setTimeout(() => setSaid((now) => ({ ...now, text: "" })), kept);
    return () => clearTimeout(timer);
  }, [said]);
  return [said, setSaid] as const;
}

/** Says a whole sentence to screen readers. */
export function useAnnounce(): Announce {
  const announce = useContext(Context);
  return useMemo(() => announce, [announce]);
}
