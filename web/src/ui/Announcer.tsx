import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";

/** status: said when the reader has a pause. alert: said at once; only for what failed. */
export type Announce = (sentence: string, how?: "status" | "alert") => void;

const Context = createContext<Announce>(() => {});

/** Holds the two live regions, which must be in the page from the start to be heard. */
export function Announcer({ children }: { children: ReactNode }) {
  const [status, setStatus] = useState({ text: "", n: 0 });
  const [alert, setAlert] = useState({ text: "", n: 0 });
  const announce = useCallback<Announce>((text, how = "status") => {
    const set = how === "alert" ? setAlert : setStatus;
    set((before) => ({ text, n: before.n + 1 }));
  }, []);
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

/** Says a whole sentence to screen readers. */
export function useAnnounce(): Announce {
  const announce = useContext(Context);
  return useMemo(() => announce, [announce]);
}
