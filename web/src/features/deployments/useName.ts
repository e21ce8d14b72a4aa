import { useEffect, useState } from "react";
import { api, useResult } from "@/sync";
import { nameFault, refusal } from "./name";

const pause = 400;

/**
 * The name in the dialog and what is wrong with it. It is judged once the typing rests, here first and then by the
 * server; an empty field only when somebody wants to go on with it.
 */
export function useName(projectId: string, first: string) {
  const [name, setName] = useState(first);
  const [settled, setSettled] = useState(first);
  const [insisted, setInsisted] = useState(false);
  const [refused, setRefused] = useState<string>();
  useEffect(() => {
    const timer = setTimeout(() => setSettled(name), pause);
    return () => clearTimeout(timer);
  }, [name]);

  const fault = nameFault(name);
  const asked = settled === name && fault === undefined;
  const { data: check } = useResult(api.deployments.checkName, asked ? { projectId, name } : "skip");
  const taken = asked && check?.ok === false ? refusal(check.reason) : undefined;
  const shown = insisted || (settled === name && name !== "") ? fault : undefined;
  return {
    name,
    /** What to show under the field. */
    error: shown ?? taken ?? refused,
    /** Whether the server may be asked to deploy under it; if not, the reason shows from now on. */
    ready(): boolean {
      setInsisted(true);
      return fault === undefined && taken === undefined;
    },
    set(next: string) {
      setName(next);
      setInsisted(false);
      setRefused(undefined);
    },
    /** The server's own refusal, in words. */
    refuse: setRefused,
  };
}
