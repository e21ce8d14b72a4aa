import { createContext, useContext } from "react";

const Context = createContext<string | undefined>(undefined);

/** The run that the parts below belong to. */
export const RunProvider = Context.Provider;

export function useRunId(): string | undefined {
  return useContext(Context);
}
