import type { ClientConfig, Project } from "@/sync";

/** What the preview shows: the app, or why it can't and the way on. */
export type PreviewState =
  | { kind: "app"; rebuilding: boolean; errors: string[] }
  | { kind: "preparing" }
  | { kind: "base"; step: string }
  | { kind: "asleep" }
  | { kind: "waking"; since: number }
  | { kind: "failed"; reason: string }
  | { kind: "stopped"; exitCode?: number; lines: string[] }
  | { kind: "broken"; lines: string[] }
  | { kind: "silent"; port: number };

/** Reads the state from the project. `open` says that the app has been on the screen since the sandbox woke. */
export function previewState(project: Project, config: ClientConfig | undefined, open: boolean): PreviewState {
  const box = project.sandbox;
  if (!box || box.status === "pending" || (box.status === "starting" && !box.isInitialized)) {
    return config?.preparing && !box?.steps?.some((s) => s.startedAt)
      ? { kind: "base", step: config.preparing.step }
      : { kind: "preparing" };
  }
  if (box.status === "error") return { kind: "failed", reason: box.error ?? "No reason was given." };
  if (box.status === "stopped") return { kind: "asleep" };
  if (box.status === "starting") return { kind: "waking", since: box.wakingSince ?? 0 };
  const dev = box.devServer;
  const errors = dev?.error ? dev.error.split("\n").filter((l) => l.trim() !== "") : [];
  if (dev?.status === "exited")
    return { kind: "stopped", exitCode: dev.exitCode, lines: lastLines(dev.lastLines ?? errors) };
  if (dev?.status === "starting" && !open) {
    const silent = /^Nothing answers on port (\d+)/.exec(errors[0] ?? "");
    if (silent) return { kind: "silent", port: Number(silent[1]) };
    if (errors.length > 0) return { kind: "broken", lines: errors.slice(0, 5) };
  }
  // That nothing answers for a moment under an open page is told by the bar that moves.
  const told = errors.filter((l) => !l.startsWith("Nothing answers on port"));
  return { kind: "app", rebuilding: dev?.status === "starting", errors: told };
}

function lastLines(lines: string[]): string[] {
  return lines.filter((l) => l.trim() !== "").slice(-5);
}

/** What "Send to agent" puts into the prompt box. */
export function errorPrompt(what: string, lines: string[]): string {
  return `${what}\n\n${lines.join("\n")}\n\nFind the cause and fix it.`;
}
