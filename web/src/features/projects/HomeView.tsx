import { useEffect, useRef, useState } from "react";
import { useCommand } from "@/commands";
import { readDraft, writeDraft } from "@/lib/drafts";
import { api, useQuery, type User } from "@/sync";
import { Button } from "@/ui";
import { demoExamples, type Example, examples } from "./examples";
import { ProjectList, ProjectListSkeleton } from "./ProjectList";
import { PromptBox } from "./PromptBox";
import { TemplateCards } from "./TemplateCards";
import type { Builder } from "./useBuild";

/** Home: describe a project, go on with one, or start from a template. */
export function HomeView({ user, builder }: { user: User; builder: Builder }) {
  const projects = useQuery(api.projects.listProjects, {});
  const templates = useQuery(api.projects.listTemplates, {}) ?? [];
  const config = useQuery(api.config.client, {});
  const [chosen, setChosen] = useState<string>();
  const template = templates.find((each) => each._id === chosen) ?? templates[0];
  const { build, fault } = builder;
  const box = useRef<HTMLTextAreaElement>(null);
  const list = useRef<HTMLElement>(null);
  const suggestion = config?.demo ? demoExamples.find((each) => each.template === template?.slug)?.text : undefined;
  const prompt = usePrompt(user._id, suggestion);
  const limit = config?.limits.projects;
  const full = limit !== undefined && projects !== undefined && projects.length >= limit;

  useCommand({ id: "prompt.focus", title: "Prompt box", group: "Prompt", keys: "/", run: () => box.current?.focus() });

  const onBuild = async () => {
    const text = prompt.value.trim();
    if (text === "") return box.current?.focus();
    if (await build(template, text)) prompt.sent();
  };
  const fill = (example: Example) => {
    prompt.set(example.text);
    setChosen(templates.find((each) => each.slug === example.template)?._id);
    box.current?.focus();
  };

  return (
    <>
      <section>
        <h1 className="mb-4 text-home font-bold tracking-[-0.01em]">What should it do?</h1>
        <PromptBox
          ref={box}
          value={prompt.value}
          onChange={prompt.set}
          onBuild={() => void onBuild()}
          instead={full ? <Full limit={limit} onChoose={() => chooseProject(list.current)} /> : undefined}
          error={fault !== undefined && fault.code !== "quota" ? fault.message : undefined}
          templates={templates}
          template={template}
          onTemplate={setChosen}
          model={config?.model}
        />
        {projects?.length === 0 && config !== undefined && (
          <Examples list={config.demo ? demoExamples : examples} onChoose={fill} />
        )}
      </section>
      {projects?.length !== 0 && (
        <section ref={list} aria-labelledby="projects">
          <h2 id="projects" className="mb-3 text-section font-semibold">
            Projects
          </h2>
          {projects === undefined ? <ProjectListSkeleton /> : <ProjectList projects={projects} />}
        </section>
      )}
      {templates.length > 0 && !full && (
        <section aria-labelledby="templates">
          <h2 id="templates" className="mb-3 text-section font-semibold">
            Start from a template
          </h2>
          <TemplateCards templates={templates} onStart={(each) => void build(each, "")} />
        </section>
      )}
    </>
  );
}

function Examples({ list, onChoose }: { list: Example[]; onChoose(example: Example): void }) {
  return (
    <ul aria-label="Examples" className="mt-3 flex flex-col items-start">
      {list.map((example) => (
        <li key={example.text}>
          <button
            type="button"
            onClick={() => onChoose(example)}
            className="touch-target -ml-2 min-h-7 rounded-icon px-2 py-1 text-left text-body text-ink-2 hover:bg-sunken hover:text-ink"
          >
            {example.text}
          </button>
        </li>
      ))}
    </ul>
  );
}

function Full({ limit, onChoose }: { limit: number; onChoose(): void }) {
  return (
    <span className="flex flex-wrap items-center justify-end gap-2 text-step text-ink-2">
      {limit} of {limit} projects. Delete one to start another.
      <Button onClick={onChoose}>Choose</Button>
    </span>
  );
}

/** Moves to the list of projects, onto the menu of the first. */
function chooseProject(list: HTMLElement | null) {
  list?.scrollIntoView({ block: "center" });
  list?.querySelector<HTMLElement>("[data-project-menu]")?.focus();
}

/** The text in the box: the kept draft, else the suggestion until somebody types. */
function usePrompt(userId: string, suggestion: string | undefined) {
  const [typed, setTyped] = useState<string | undefined>(() => readDraft(userId, "home") || undefined);
  const value = typed ?? suggestion ?? "";
  useEffect(() => {
    if (typed !== undefined) writeDraft(userId, "home", typed);
  }, [userId, typed]);
  // Home is gone by the time that the project is there, so the draft is removed where it is kept.
  return { value, set: setTyped, sent: () => writeDraft(userId, "home", "") };
}
