import { useEffect, useState } from "react";

export interface Todo {
  id: string;
  title: string;
  done: boolean;
}

export const filters = ["all", "open", "done"] as const;
export type Filter = (typeof filters)[number];

const key = "todos";

function isTodo(value: unknown): value is Todo {
  const todo = value as Todo | null;
  return typeof todo?.id === "string" && typeof todo.title === "string" && typeof todo.done === "boolean";
}

/** What the browser kept. Anything that is not a list of items counts as none. */
function load(): Todo[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isTodo) : [];
  } catch {
    return [];
  }
}

/** The list, kept in this browser, and what can be done with it. */
export function useTodos() {
  const [todos, setTodos] = useState(load);

  useEffect(() => {
    try {
      localStorage.setItem(key, JSON.stringify(todos));
    } catch {
      // The browser keeps nothing for this page: the list lasts as long as the tab.
    }
  }, [todos]);

  // Another tab may change the list too.
  useEffect(() => {
    const follow = (event: StorageEvent) => {
      if (event.key === key) setTodos(load());
    };
    window.addEventListener("storage", follow);
    return () => window.removeEventListener("storage", follow);
  }, []);

  return {
    todos,
    add: (title: string) =>
      setTodos((list) => [{ id: crypto.randomUUID(), title, done: false }, ...list]),
    toggle: (id: string) =>
      setTodos((list) => list.map((t) => (t.id === id ? { ...t, done: !t.done } : t))),
    remove: (id: string) => setTodos((list) => list.filter((t) => t.id !== id)),
    clearDone: () => setTodos((list) => list.filter((t) => !t.done)),
  };
}

export function matches(todo: Todo, filter: Filter): boolean {
  return filter === "all" || todo.done === (filter === "done");
}
