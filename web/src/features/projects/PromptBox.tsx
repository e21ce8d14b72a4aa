import { ArrowRight, ChevronDown, LayoutTemplate } from "lucide-react";
import type { KeyboardEvent, Ref } from "react";
import type { ClientConfig, Template } from "@/sync";
import { Button, Menu, MenuChoice, MenuOption, Textarea } from "@/ui";

type Props = {
  value: string;
  onChange(value: string): void;
  onBuild(): void;
  /** Why nothing can be built now, with the way out; takes the place of the button. */
  instead?: React.ReactNode;
  error?: string;
  templates: Template[];
  template: Template | undefined;
  onTemplate(id: string): void;
  model: ClientConfig["model"] | undefined;
  ref?: Ref<HTMLTextAreaElement>;
};

/** Where a new project is described. Enter builds; Shift+Enter, and Enter on touch, break the line. */
export function PromptBox(props: Props) {
  const { value, onChange, onBuild, instead, error, templates, template, onTemplate, model, ref } = props;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
    const always = event.ctrlKey || event.metaKey;
    const touch = window.matchMedia("(pointer: coarse)").matches;
    if (!always && (event.shiftKey || touch)) return;
    event.preventDefault();
    if (instead === undefined) onBuild();
  };
  return (
    <form
      aria-label="Prompt"
      onSubmit={(event) => {
        event.preventDefault();
        onBuild();
      }}
      className="rounded-box border border-line-strong bg-surface has-[textarea:focus-visible]:outline-2 has-[textarea:focus-visible]:-outline-offset-1 has-[textarea:focus-visible]:outline-focus"
    >
      <Textarea
        ref={ref}
        id="prompt"
        label="What should it do?"
        placeholder="A page where my team books the meeting room…"
        autoFocus
        rows={2}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
        className="px-4 pt-3.5 pb-1 text-section"
      />
      {error !== undefined && (
        <p role="alert" className="px-4 pt-1 text-step text-bad">
          {error}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-x-1 gap-y-2 p-2.5">
        {templates.length > 0 && (
          <Menu
            trigger={
              <Button look="quiet" icon={<LayoutTemplate size={16} strokeWidth={1.75} aria-hidden />} size="sm">
                <span className="sr-only">Template: </span>
                {template?.name}
                <ChevronDown size={14} strokeWidth={1.75} aria-hidden />
              </Button>
            }
          >
            <MenuChoice value={template?._id ?? ""} onChange={onTemplate}>
              {templates.map((each) => (
                <MenuOption key={each._id} value={each._id} note={each.description}>
                  {each.name}
                </MenuOption>
              ))}
            </MenuChoice>
          </Menu>
        )}
        {model !== undefined && (
          <span className="px-2 text-step text-ink-2">
            <span className="sr-only">Model: </span>
            {model.name}
          </span>
        )}
        <span className="ml-auto flex min-w-0 items-center">
          {instead ?? (
            <Button type="submit" look="primary">
              Build
              <ArrowRight size={16} strokeWidth={1.75} aria-hidden />
            </Button>
          )}
        </span>
      </div>
    </form>
  );
}
