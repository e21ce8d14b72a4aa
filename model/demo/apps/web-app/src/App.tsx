import { useRef, useState } from "react";
import { TodoItem } from "./TodoItem";
import { useTheme } from "./theme";
import { type Filter, filters, matches, useTodos } from "./todos";

const labels: Record<Filter, string> = { all: "All", open: "Open", done: "Done" };
const empty: Record<Filter, string> = {
  all: "Nothing to do yet. What comes first?",
  open: "All done. Enjoy the quiet.",
  done: "Nothing is done yet. Tick off an item and it shows up here.",
};

function dayInWords(): string {
  return new Date().toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
}

export function App() {
  const { todos, add, toggle, remove, clearDone } = useTodos();
  const { theme, flip } = useTheme();
  const [filter, setFilter] = useState<Filter>("all");
  const [said, setSaid] = useState("");
  const [today] = useState(dayInWords);
  const input = useRef<HTMLInputElement>(null);

  const done = todos.filter((t) => t.done).length;
  const open = todos.length - done;
  const counts: Record<Filter, number> = { all: todos.length, open, done };
  const shown = todos.filter((t) => matches(t, filter));

  function submit(form: FormData) {
    const title = String(form.get("title")).trim();
    if (!title) return;
    add(title);
    setSaid(`Added ${title}`);
    if (filter === "done") setFilter("all");
  }

  function drop(id: string, title: string) {
    remove(id);
    setSaid(`Deleted ${title}`);
    input.current?.focus();
  }

  return (
    <main className="mx-auto flex min-h-dvh max-w-xl flex-col px-5 py-10 sm:py-16">
      <header className="flex items-start justify-between gap-4">
        <div>
          <p className="text-sm text-soft">{today}</p>
          <h1 className="mt-1 text-4xl font-semibold tracking-tight">Todo list</h1>
        </div>
        <button
          type="button"
          onClick={flip}
          aria-label={theme === "dark" ? "Use the light theme" : "Use the dark theme"}
          className="grid size-11 place-items-center rounded-full border border-line bg-card text-soft transition-colors hover:text-ink"
        >
          <ThemeIcon dark={theme === "dark"} />
        </button>
      </header>

      <form action={submit} className="mt-8 flex gap-2">
        <label htmlFor="title" className="sr-only">
          New item
        </label>
        <input
          id="title"
          ref={input}
          name="title"
          maxLength={200}
          autoComplete="off"
          placeholder="What needs doing?"
          className="h-12 min-w-0 grow rounded-2xl border border-edge bg-card px-4 placeholder:text-soft"
        />
        <button
          type="submit"
          className="h-12 shrink-0 rounded-2xl bg-accent px-5 font-medium text-on-accent transition hover:brightness-110 active:scale-[0.98]"
        >
          Add
        </button>
      </form>

      <div className="mt-6 flex flex-wrap items-center justify-between gap-x-4 gap-y-3">
        <fieldset className="flex gap-1 rounded-2xl bg-line/50 p-1">
          <legend className="sr-only">Show</legend>
          {filters.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={filter === name}
              onClick={() => setFilter(name)}
              className="h-9 rounded-xl px-3.5 text-sm text-soft transition-colors hover:text-ink aria-pressed:bg-card aria-pressed:font-medium aria-pressed:text-ink aria-pressed:shadow-xs"
            >
              {labels[name]} <span className="tabular-nums">{counts[name]}</span>
            </button>
          ))}
        </fieldset>
        {todos.length > 0 && (
          <p className="flex items-center gap-2.5 text-sm text-soft tabular-nums">
            <Progress part={done / todos.length} />
            {done} of {todos.length} done
          </p>
        )}
      </div>

      {shown.length > 0 ? (
        <ul className="mt-4 space-y-2">
          {shown.map((todo) => (
            <TodoItem
              key={todo.id}
              todo={todo}
              onToggle={() => toggle(todo.id)}
              onRemove={() => drop(todo.id, todo.title)}
            />
          ))}
        </ul>
      ) : (
        <p className="mt-4 rounded-2xl border border-dashed border-edge px-6 py-12 text-center text-soft">
          {empty[filter]}
        </p>
      )}

      {done > 0 && (
        <button
          type="button"
          onClick={() => {
            clearDone();
            setSaid("Cleared all done items");
          }}
          className="mt-5 self-end rounded-xl px-3 py-2 text-sm text-soft underline-offset-4 hover:text-ink hover:underline"
        >
          Clear done
        </button>
      )}

      <p role="status" className="sr-only">
        {said}
      </p>
    </main>
  );
}

/** A ring that fills as items are done. */
function Progress({ part }: { part: number }) {
  return (
    <svg viewBox="0 0 20 20" className="size-5 -rotate-90" fill="none" strokeWidth="3" aria-hidden="true">
      <circle cx="10" cy="10" r="8" className="stroke-line" />
      <circle
        cx="10"
        cy="10"
        r="8"
        pathLength="1"
        strokeDasharray={`${part} 1`}
        className="stroke-accent transition-[stroke-dasharray] duration-300 motion-reduce:transition-none"
      />
    </svg>
  );
}

function ThemeIcon({ dark }: { dark: boolean }) {
  return (
    <svg viewBox="0 0 24 24" className="size-5" fill="none" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {dark ? (
        <path d="M12 3v2m0 14v2m9-9h-2M5 12H3m15.4-6.4-1.5 1.5M7.1 16.9l-1.5 1.5m12.8 0-1.5-1.5M7.1 7.1 5.6 5.6M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z" />
      ) : (
        <path d="M20.5 14.5A8.5 8.5 0 0 1 9.5 3.5a8.5 8.5 0 1 0 11 11Z" />
      )}
    </svg>
  );
}
