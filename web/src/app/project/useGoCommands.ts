import { useCommand } from "@/commands";
import type { Place } from "@/lib/place";

/** The keys that go to a part of the project page, with the focus. */
export function useGoCommands(focusBox: () => void, go: (change: Partial<Place>) => void): void {
  useCommand({ id: "go.prompt", title: "Prompt box", group: "Go to", keys: "/", run: focusBox });
  useCommand({ id: "go.chat", title: "Chat", group: "Go to", keys: "g c", run: focusBox });
  const goTo = (tab: "preview" | "files") => {
    go({ tab });
    // In one column the work area is drawn only now.
    requestAnimationFrame(() => document.getElementById("preview")?.focus());
  };
  useCommand({ id: "go.preview", title: "Preview", group: "Go to", keys: "g p", run: () => goTo("preview") });
  useCommand({ id: "go.files", title: "Files", group: "Go to", keys: "g f", run: () => goTo("files") });
}
