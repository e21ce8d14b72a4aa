import { createContext, type ReactNode, useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { type Command, Registry } from "./registry";

const Context = createContext<Registry | null>(null);

/** Listens for the keys of all commands below it. */
export function CommandsProvider({ children }: { children: ReactNode }) {
  const [registry] = useState(() => new Registry());
  useEffect(() => {
    const listener = (event: KeyboardEvent) => void registry.press(event);
    window.addEventListener("keydown", listener);
    return () => window.removeEventListener("keydown", listener);
  }, [registry]);
  return <Context value={registry}>{children}</Context>;
}

/** Offers a command while the component is in the page. `run` may change with every drawing. */
export function useCommand(command: Command): void {
  const registry = useContext(Context);
  const latest = useRef(command);
  useEffect(() => {
    latest.current = command;
  });
  const { id, title, group, keys, disabled } = command;
  useEffect(
    () => registry?.add({ id, title, group, keys, disabled, run: () => latest.current.run() }),
    [registry, id, title, group, keys, disabled],
  );
}

const none: Command[] = [];

/** The commands that hold at present, for menus and lists. */
export function useCommands(): Command[] {
  const registry = useContext(Context);
  return useSyncExternalStore(registry?.subscribe ?? (() => () => {}), registry?.list ?? (() => none));
}
