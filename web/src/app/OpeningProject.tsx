import { ListEnd } from "lucide-react";
import { LiveNode } from "@/ui";
import { ConnectionStrip } from "./ConnectionStrip";
import { Header } from "./Header";

/**
 * The project page as it will be, from the press of Build until the server has made the project: its name, and the
 * prompt that waits. Nothing in it can be pressed yet.
 */
export function OpeningProject({ name, prompt }: { name: string; prompt: string }) {
  return (
    <div className="flex h-dvh flex-col">
      <Header start={<span className="truncate px-2 text-body font-semibold">{name}</span>} />
      <ConnectionStrip />
      <main className="flex min-h-0 flex-1">
        <h1 className="sr-only">{name}</h1>
        <div className="flex w-full flex-col justify-end p-3 lg:w-[440px]">
          <div className="min-h-30 rounded-box border border-line-strong bg-surface">
            {prompt !== "" && (
              <p className="flex min-h-9 items-center gap-2 border-b border-line px-3 py-1 text-step">
                <ListEnd size={16} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink-2" />
                <span className="min-w-0 flex-1 truncate" dir="auto">
                  {prompt}
                </span>
                <span className="shrink-0 text-meta text-ink-2">Sending</span>
              </p>
            )}
          </div>
        </div>
        <p role="status" className="flex flex-1 items-center justify-center gap-2 border-l border-line bg-sunken text-section font-semibold max-lg:sr-only">
          <LiveNode size={16} />
          Preparing your project
        </p>
      </main>
    </div>
  );
}
