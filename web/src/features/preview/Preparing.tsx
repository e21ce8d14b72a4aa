import { Check, Circle, PackageOpen } from "lucide-react";
import { counting, duration } from "@/lib/time";
import { useNow } from "@/lib/useNow";
import type { SandboxStep } from "@/sync";
import { LiveNode } from "@/ui";
import { StateView } from "./StateView";

/** The true steps of the first preparation, with the seconds that each took or takes. */
export function Preparing({ steps, waitsFor }: { steps: SandboxStep[]; waitsFor?: "room" }) {
  const now = useNow();
  return (
    <StateView icon={<PackageOpen size={16} strokeWidth={1.75} aria-hidden />} title="Preparing your project">
      <ol className="mt-2 flex flex-col gap-2">
        {steps.map((step) => (
          <StepLine key={step.id} step={step} now={now} />
        ))}
      </ol>
      {waitsFor && <WaitsForRoom />}
    </StateView>
  );
}

function WaitsForRoom() {
  return <p className="mt-2">Waiting for room: the machine is full. It goes on once another project falls asleep.</p>;
}

function StepLine({ step, now }: { step: SandboxStep; now: number }) {
  const state = step.endedAt ? "done" : step.startedAt ? "now" : "open";
  const span = step.startedAt ? (step.endedAt ?? now) - step.startedAt : 0;
  return (
    <li className="flex items-center gap-2 text-body">
      <span className="flex size-4 shrink-0 items-center justify-center">
        {state === "done" && <Check size={14} strokeWidth={2.5} aria-hidden className="text-ok" />}
        {state === "now" && <LiveNode />}
        {state === "open" && <Circle size={12} strokeWidth={1.75} aria-hidden className="text-ink-3" />}
      </span>
      <span className={state === "now" ? "text-accent-text" : state === "done" ? "text-ink" : "text-ink-2"}>
        {step.label}
        <span className="sr-only">{state === "done" ? ", done" : state === "now" ? ", under way" : ", to come"}</span>
      </span>
      {state !== "open" && (
        <time className="ml-auto text-meta text-ink-2">{state === "done" ? duration(span) : counting(span)}</time>
      )}
    </li>
  );
}

/** Before any project can start, the base of all sandboxes is built once on this machine. */
export function PreparingBase({ step }: { step: string }) {
  return (
    <StateView icon={<PackageOpen size={16} strokeWidth={1.75} aria-hidden />} title="Preparing your project">
      <p>The base of all sandboxes is being built. This happens once.</p>
      <p className="mt-2 flex items-center gap-2 text-accent-text">
        <LiveNode /> {step}
      </p>
    </StateView>
  );
}

/** A sandbox comes back from sleep. */
export function Waking({ since, waitsFor }: { since: number; waitsFor?: "room" }) {
  const now = useNow();
  const span = since > 0 ? now - since : 0;
  return (
    <StateView icon={<LiveNode size={16} />} title="Waking">
      <p>
        <time>{counting(span)}</time>
        {span > 10_000 && !waitsFor && " · This takes longer than usual."}
      </p>
      {waitsFor && <WaitsForRoom />}
    </StateView>
  );
}
