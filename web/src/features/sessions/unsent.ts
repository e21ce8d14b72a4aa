/**
 * Prompts that were sent and not confirmed, kept by tab, so that a reload on a dropped line loses none. Who finds some
 * after a reload knows from the timeline which of them have arrived.
 */
const key = (userId: string, place: string) => `surgent.unsent.${userId}.${place}`;

export function readUnsent(userId: string, place: string): string[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(key(userId, place)) ?? "[]");
    return Array.isArray(stored) ? stored.filter((t): t is string => typeof t === "string") : [];
  } catch {
    return [];
  }
}

export function keepUnsent(userId: string, place: string, texts: string[]): void {
  try {
    if (texts.length === 0) sessionStorage.removeItem(key(userId, place));
    else sessionStorage.setItem(key(userId, place), JSON.stringify(texts));
  } catch {
    // Storage is full or blocked: the prompt lives as long as the page.
  }
}
