/** What screen readers are told of a run while it works: what it says and does, what it says, or only how it ends. */
export type Spoken = "steps" | "answers" | "off";

const key = "surgent.spoken";

export function readSpoken(): Spoken {
  try {
    const stored = localStorage.getItem(key);
    return stored === "answers" || stored === "off" ? stored : "steps";
  } catch {
    return "steps";
  }
}

export function keepSpoken(spoken: Spoken): void {
  try {
    if (spoken === "steps") localStorage.removeItem(key);
    else localStorage.setItem(key, spoken);
  } catch {
    // Storage is blocked: everything is said.
  }
}
