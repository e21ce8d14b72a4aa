import { useState } from "react";
import { api, type Fault, type Mode, toFault, useMutation } from "@/sync";
import { addToDraft } from "./draft";

/** An own prompt that the server has not confirmed yet. */
export interface PendingPrompt {
  id: number;
  text: string;
}

export interface Prompts {
  pending: PendingPrompt[];
  fault?: Fault;
  send(text: string, mode: Mode): void;
}

let next = 1;

/**
 * Sends prompts. Each shows at once as "Sending"; a refused one is back in the box with the
 * reason. `session` gives the session to send to, making one where there is none yet.
 */
export function usePrompts(opts: { projectId: string; userId: string; place: string; session(): Promise<string> }): Prompts {
  const create = useMutation(api.sessions.createMessageAndRunAgent);
  const [pending, setPending] = useState<PendingPrompt[]>([]);
  const [fault, setFault] = useState<Fault>();
  const send = (text: string, mode: Mode) => {
    const id = next++;
    setFault(undefined);
    setPending((p) => [...p, { id, text }]);
    const done = () => setPending((p) => p.filter((other) => other.id !== id));
    opts
      .session()
      .then((sessionId) => create({ projectId: opts.projectId, sessionId, prompt: text, mode }))
      .then(done, (error: unknown) => {
        done();
        setFault(toFault(error));
        addToDraft(opts.userId, opts.place, text);
      });
  };
  return { pending, fault, send };
}
