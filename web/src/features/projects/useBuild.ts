import { useState } from "react";
import { putFirstPrompt } from "@/lib/firstPrompt";
import { useNavigate } from "@/lib/nav";
import { nameFromPrompt } from "@/lib/text";
import { api, type Fault, type Template, toFault, useMutation } from "@/sync";

/** A project that was asked for and is not there yet. */
export type Opening = { name: string; prompt: string };

export type Builder = {
  /** Makes a project and opens it. With a prompt, the project's chat sends that first. True once it is there. */
  build(template: Template | undefined, prompt: string): Promise<boolean>;
  opening: Opening | undefined;
  /** Why the last one was refused. */
  fault: Fault | undefined;
};

export function useBuild(): Builder {
  const create = useMutation(api.projects.createProject);
  const navigate = useNavigate();
  const [opening, setOpening] = useState<Opening>();
  const [fault, setFault] = useState<Fault>();

  const build = async (template: Template | undefined, prompt: string) => {
    if (opening !== undefined) return false;
    const name = prompt === "" ? (template?.name ?? "New project") : nameFromPrompt(prompt);
    setOpening({ name, prompt });
    setFault(undefined);
    try {
      const id = await create({ name, templateId: template?._id });
      if (prompt !== "") putFirstPrompt(id, prompt);
      navigate(`/p/${id}`);
      return true;
    } catch (refused) {
      setFault(toFault(refused));
      setOpening(undefined);
      return false;
    }
  };
  return { build, opening, fault };
}
