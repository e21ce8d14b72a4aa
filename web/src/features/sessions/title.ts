import { nameFromPrompt } from "@/lib/text";
import type { Session } from "@/sync";

/** What a session is called by itself. */
export function sessionTitle(session: Session): string {
  return session.title?.trim() || "Untitled session";
}

/**
 * What a session is called beside its project. Both may have been named by the same prompt: then the session is told
 * by its number among the project's sessions, the oldest being the first.
 */
export function sessionLabel(session: Session, sessions: Session[], projectName: string): string {
  const title = sessionTitle(session);
  if (nameFromPrompt(title) !== projectName) return title;
  return `Session ${sessions.filter((s) => s._creationTime < session._creationTime).length + 1}`;
}
