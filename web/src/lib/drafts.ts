/**
 * What people typed and have not sent. Drafts live in local storage by user and place, so that they survive a reload,
 * a dropped line and an expired session; only an explicit sign-out clears them.
 */
const prefix = "surgent.draft.";

/** The draft of a place ("home", a session's id, a session's id and a setting of it), or "". */
export function readDraft(userId: string, place: string): string {
  try {
    return localStorage.getItem(`${prefix}${userId}.${place}`) ?? "";
  } catch {
    return "";
  }
}

/** Keeps a draft; an empty one is removed. */
export function writeDraft(userId: string, place: string, text: string): void {
  try {
    const key = `${prefix}${userId}.${place}`;
    if (text === "") localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Storage is full or blocked: the text stays in the box of this page.
  }
}

/** Tells whether anything typed would be lost by clearDrafts. */
export function hasDrafts(userId: string): boolean {
  return draftKeys(userId).length > 0;
}

/** Removes every draft of a user; for an explicit sign-out. */
export function clearDrafts(userId: string): void {
  for (const key of draftKeys(userId)) localStorage.removeItem(key);
}

function draftKeys(userId: string): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(`${prefix}${userId}.`));
  } catch {
    return [];
  }
}
