import type { Template } from "@/sync";

type Props = { templates: Template[]; onStart(template: Template): void };

/** A card per template; pressing one makes a project without a prompt. */
export function TemplateCards({ templates, onStart }: Props) {
  return (
    <ul className="grid gap-3 sm:grid-cols-2">
      {templates.map((template) => (
        <li key={template._id}>
          <button
            type="button"
            onClick={() => onStart(template)}
            className="flex h-full w-full flex-col gap-0.5 rounded-card border border-line bg-surface px-4 py-3 text-left transition-colors hover:border-line-strong"
          >
            <span className="text-body font-semibold">{template.name}</span>
            {template.description !== undefined && (
              <span className="text-step text-ink-2">{template.description}</span>
            )}
          </button>
        </li>
      ))}
    </ul>
  );
}
