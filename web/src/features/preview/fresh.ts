const path = "/.surgent/fresh";

/**
 * Whether the frame that has just loaded shows the files as they are. A page that loads while the agent writes can miss
 * a change: its dev server tells only those that listen already. Only the preview's door can compare; where it doesn't
 * answer, the frame is left alone.
 */
export async function isFresh(origin: string, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(origin + path, { credentials: "include", cache: "no-store", signal });
    if (!answer.ok) return true;
    return ((await answer.json()) as { fresh: boolean }).fresh;
  } catch {
    return true; // offline, or the frame has gone
  }
}
