import { useEffect, useState } from "react";
import { api, type NameCheck, useResult } from "@/sync";
import { nameFault } from "./name";

const pause = 250;

/** Asks the server about a name once its typing rests; undefined while that is not known. */
export function useNameCheck(projectId: string, name: string): NameCheck | undefined {
  const [settled, setSettled] = useState(name);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(name), pause);
    return () => clearTimeout(timer);
  }, [name]);
  const good = nameFault(settled) === undefined;
  const { data } = useResult(api.deployments.checkName, good ? { projectId, name: settled } : "skip");
  return settled === name && good ? data : undefined;
}
