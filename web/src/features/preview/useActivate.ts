import { useEffect, useRef, useState } from "react";
import { api, type Project, toFault, useMutation } from "@/sync";

/** Wakes, restarts or starts anew, whatever the project needs. Opening a sleeping project wakes it without asking. */
export function useActivate(project: Project) {
  const mutate = useMutation(api.projects.activateProject);
  const [fault, setFault] = useState<string>();
  const activate = () => {
    setFault(undefined);
    mutate({ projectId: project._id }).catch((e: unknown) => setFault(toFault(e).message));
  };
  const first = useRef(true);
  const status = project.sandbox?.status;
  useEffect(() => {
    if (!first.current) return;
    first.current = false;
    if (status === undefined || status === "stopped") activate();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only what is found when the page opens
  }, []);
  return { activate, fault };
}
