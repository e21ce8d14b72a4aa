import { useCallback, useState } from "react";
import { setDraft } from "@/features/sessions";
import type { Place } from "@/lib/place";
import { api, toFault, useMutation } from "@/sync";

type NewSession = {
  /** Makes a session and opens it with a text in its prompt box, where the caret then stands. */
  start(text?: string): void;
  /** Why the last one was refused, until it is taken note of. */
  refusal: string | undefined;
  dismiss(): void;
};

export function useNewSession(
  projectId: string,
  userId: string,
  go: (change: Partial<Place>) => void,
  focusBox: () => void,
): NewSession {
  const create = useMutation(api.sessions.createSession);
  const [refusal, setRefusal] = useState<string>();
  const start = useCallback(
    (text = "") => {
      setRefusal(undefined);
      create({ projectId }).then(
        (session) => {
          if (text !== "") setDraft(userId, session, text);
          go({ session });
          focusBox();
        },
        (error: unknown) => setRefusal(toFault(error).message),
      );
    },
    [create, projectId, userId, go, focusBox],
  );
  return { start, refusal, dismiss: useCallback(() => setRefusal(undefined), []) };
}
