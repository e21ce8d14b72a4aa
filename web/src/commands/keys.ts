/**
 * Keys of a command: "mod+enter" (Ctrl, or ⌘ on a Mac), a single key ("/", "?"), or two in a row ("g p"). Single keys
 * and rows work outside of fields only.
 */
export type Keys = string;

const isMac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

const names: Record<string, string> = { enter: "Enter", escape: "Esc", mod: isMac ? "⌘" : "Ctrl" };

/** Keys as people read them: "Ctrl+Enter", "g then p". */
export function showKeys(keys: Keys): string {
  return keys
    .split(" ")
    .map((part) =>
      part
        .split("+")
        .map((key) => names[key] ?? (part.includes("+") ? key.toUpperCase() : key))
        .join("+"),
    )
    .join(" then ");
}

/** One pressed key in the spelling of Keys, or undefined for a bare modifier and for keys of an input method. */
export function spell(event: KeyboardEvent): string | undefined {
  if (event.isComposing || event.altKey) return undefined;
  const key = event.key.toLowerCase();
  if (key === "control" || key === "meta" || key === "shift" || key === "alt") return undefined;
  const mod = isMac ? event.metaKey : event.ctrlKey;
  if (mod) return `mod+${key}`;
  return event.ctrlKey || event.metaKey ? undefined : key;
}

/** Whether a key belongs to what has the focus: a field, an editor, a terminal. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select") !== null;
}

const offKey = "surgent.keys.off";

/** Whether single letters are switched on; they are unless somebody switched them off. */
export function singleKeysOn(): boolean {
  try {
    return localStorage.getItem(offKey) === null;
  } catch {
    return true;
  }
}

export function setSingleKeys(on: boolean): void {
  try {
    if (on) localStorage.removeItem(offKey);
    else localStorage.setItem(offKey, "1");
  } catch {
    // Storage is blocked: the keys stay on.
  }
}
