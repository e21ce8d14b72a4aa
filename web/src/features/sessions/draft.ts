import { useSyncExternalStore } from "react";
import { readDraft, writeDraft } from "@/lib/drafts";

/**
 * What stands in the prompt box of each session. Kept in local storage by user and session;
 * one copy here, so that other panes can put text into the box ("Send to agent").
 */
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The draft of a place and a function that changes it. */
export function useDraft(userId: string, place: string): [string, (text: string) => void] {
  const text = useSyncExternalStore(subscribe, () => readDraft(userId, place));
  return [text, (next) => setDraft(userId, place, next)];
}

export function setDraft(userId: string, place: string, text: string): void {
  writeDraft(userId, place, text);
  for (const l of listeners) l();
}

/** Adds a text to what stands in the box; nothing that was typed is lost. */
export function addToDraft(userId: string, place: string, text: string): void {
  const before = readDraft(userId, place);
  setDraft(userId, place, before.trim() === "" ? text : `${before.trimEnd()}\n\n${text}`);
}
