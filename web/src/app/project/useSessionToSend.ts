import { useCallback, useRef, useState } from "react";
import { api, useMutation } from "@/sync";

/**
 * The session that a prompt goes to; a project without sessions gets one with its first prompt. The chat that made
 * it stays the same part, so that its prompt doesn't blink.
 */
export function useSessionToSend(projectId: string, current: string | undefined) {
  const create = useMutation(api.sessions.createSession);
  const made = useRef<Promise<string>>(undefined);
  const [madeId, setMadeId] = useState<string>();
  const latest = useRef(current);
  latest.current = current;
  const ensure = useCallback(async () => {
    if (latest.current) return latest.current;
    made.current ??= create({ projectId });
    try {
      const id = await made.current;
      setMadeId(id);
      return id;
    } catch (error) {
      made.current = undefined;
      throw error;
    }
  }, [create, projectId]);
  return { ensure, key: current === undefined || current === madeId ? "first" : current };
}
