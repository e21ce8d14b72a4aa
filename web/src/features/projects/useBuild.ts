import { useState } from "react";
import { putFirstPrompt } from "@/lib/firstPrompt";
import { useNavigate } from "@/lib/nav";
import { nameFromPrompt } from "@/lib/text";
import { api, type Fault, type Template, toFault, useMutation } from "@/sync";

/** Makes a project and opens it. With a prompt, the project's chat sends that first. */
export function useBuild() {
  const create = useMutation(api.projects.createProject);
  const navigate = useNavigate();
  const [busy, setBusy] = useState<string>();
  const [fault, setFault] = useState<Fault>();

  const build = async (template: Template | undefined, prompt: string): Promise<boolean> => {
    if (busy !== undefined) return false;
    setBusy(prompt === "" ? (template?._id ?? "prompt") : "prompt");
    setFault(undefined);
    try {
      const name = prompt === "" ? (template?.name ?? "New project") : nameFromPrompt(prompt);
      const id = await create({ name, templateId: template?._id });
      if (prompt !== "") putFirstPrompt(id, prompt);
      navigate(`/p/${id}`);
      return true;
    } catch (refused) {
      setFault(toFault(refused));
      setBusy(undefined);
      return false;
    }
  };
  return { build, busy, fault };
}
