/**
 * The prompt that a new project was made for. Home puts it here and opens the project; the chat takes it and sends it
 * like a typed one. It lives in session storage, so that a reload in between loses nothing.
 */
const prefix = "surgent.first.";

export function putFirstPrompt(projectId: string, prompt: string): void {
  try {
    sessionStorage.setItem(prefix + projectId, prompt);
  } catch {
    memory.set(projectId, prompt);
  }
}

/** Gives the prompt once; whoever takes it must send it or keep it as a draft. */
export function takeFirstPrompt(projectId: string): string | undefined {
  const held = memory.get(projectId);
  memory.delete(projectId);
  try {
    const stored = sessionStorage.getItem(prefix + projectId);
    sessionStorage.removeItem(prefix + projectId);
    return stored ?? held;
  } catch {
    return held;
  }
}

// Where storage is blocked the prompt lives as long as the page.
const memory = new Map<string, string>();
