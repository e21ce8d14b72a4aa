import { useEffect, useRef, useState } from "react";
import { api, type Fault, type Mode, toFault, useMutation } from "@/sync";
import { addToDraft } from "./draft";
import { keepUnsent, readUnsent } from "./unsent";

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

export interface PromptsOptions {
  projectId: string;
  userId: string;
  place: string;
  session(): Promise<string>;
  /** Texts of the newest prompts that the server has; undefined while they are not known. */
  arrived: string[] | undefined;
}

let next = 1;

/**
 * Sends prompts. Each shows at once as "Sending"; a refused one is back in the box with the
 * reason. `session` gives the session to send to, making one where there is none yet.
 */
export function usePrompts(opts: PromptsOptions): Prompts {
  const create = useMutation(api.sessions.createMessageAndRunAgent);
  const [pending, setPending] = useState<PendingPrompt[]>([]);
  const [fault, setFault] = useState<Fault>();
  useUnsent(opts, pending);
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

/** Keeps what is on its way over a reload; what has not arrived then is back in the box. */
function useUnsent({ userId, place, arrived }: PromptsOptions, pending: PendingPrompt[]): void {
  const looked = useRef(false);
  useEffect(() => {
    if (looked.current || !arrived) return;
    looked.current = true;
    for (const text of readUnsent(userId, place)) if (!arrived.includes(text)) addToDraft(userId, place, text);
    keepUnsent(userId, place, []);
  }, [arrived, userId, place]);
  useEffect(() => {
    if (looked.current)
      keepUnsent(
        userId,
        place,
        pending.map((p) => p.text),
      );
  }, [pending, userId, place]);
}
