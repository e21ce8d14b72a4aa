import type { Todo } from "./todos";

interface Props {
  todo: Todo;
  onToggle: () => void;
  onRemove: () => void;
}

export function TodoItem({ todo, onToggle, onRemove }: Props) {
  return (
    <li className="group flex items-center gap-1 rounded-2xl border border-line bg-card pr-2 shadow-xs transition-colors hover:border-accent/50">
      <label className="flex min-w-0 grow cursor-pointer items-start gap-3.5 py-3.5 pl-4">
        <input
          type="checkbox"
          checked={todo.done}
          onChange={onToggle}
          className="peer mt-0.5 size-5 shrink-0 cursor-pointer accent-accent"
        />
        <span className="min-w-0 wrap-anywhere peer-checked:text-soft peer-checked:line-through">
          {todo.title}
        </span>
      </label>
      <button
        type="button"
        onClick={onRemove}
        aria-label={`Delete ${todo.title}`}
        className="grid size-9 shrink-0 place-items-center rounded-full text-soft transition hover:bg-line/60 hover:text-ink focus-visible:opacity-100 pointer-fine:opacity-0 pointer-fine:group-hover:opacity-100 pointer-fine:group-focus-within:opacity-100"
      >
        <svg viewBox="0 0 16 16" className="size-4" fill="none" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" aria-hidden="true">
          <path d="m4 4 8 8m0-8-8 8" />
        </svg>
      </button>
    </li>
  );
}
