import { Check, Circle, X } from "lucide-react";
import { counting, duration } from "@/lib/time";
import { useNow } from "@/lib/useNow";
import type { Deployment, DeployStep } from "@/sync";
import { LiveNode } from "@/ui";
import { isFailed, isUnderWay } from "./state";

const words: Record<DeployStep["id"], { to: string; now: string; done: string }> = {
  queued: { to: "Queue", now: "Queued", done: "Queued" },
  build: { to: "Build", now: "Building", done: "Built" },
  collect: { to: "Collect files", now: "Collecting files", done: "Files collected" },
  upload: { to: "Upload", now: "Uploading", done: "Uploaded" },
  verify: { to: "Check the address", now: "Checking the address", done: "Address answers" },
};

/** The steps of a deployment with the seconds that each took or takes. */
export function StepList({ deployment }: { deployment: Deployment }) {
  const working = isUnderWay(deployment);
  const now = useNow(working);
  const steps = deployment.steps ?? [];
  // A step that had begun when the deployment failed is the one that failed.
  const failed = isFailed(deployment)
    ? (steps.find((s) => s.failed) ?? steps.findLast((s) => s.startedAt && !s.endedAt))
    : undefined;
  return (
    <ol className="flex flex-col gap-2 text-step">
      {steps.map((step) => (
        <StepLine key={step.id} step={step} failed={step === failed} now={now} />
      ))}
    </ol>
  );
}

function StepLine({ step, failed, now }: { step: DeployStep; failed: boolean; now: number }) {
  const state = failed ? "failed" : step.endedAt ? "done" : step.startedAt ? "now" : "to";
  const w = words[step.id] ?? { to: step.label, now: step.label, done: step.label };
  const label = failed ? `${w.to} failed` : w[state as "to" | "now" | "done"];
  const span = step.startedAt ? (step.endedAt ?? now) - step.startedAt : 0;
  const looks = { failed: "text-bad", done: "text-ink", now: "text-accent-text", to: "text-ink-2" };
  return (
    <li className={`flex items-center gap-2 ${looks[state]}`}>
      <span className="flex size-4 shrink-0 items-center justify-center">
        {state === "done" && <Check size={14} strokeWidth={2.5} aria-hidden className="text-ok" />}
        {state === "failed" && <X size={14} strokeWidth={2.5} aria-hidden />}
        {state === "now" && <LiveNode />}
        {state === "to" && <Circle size={12} strokeWidth={1.75} aria-hidden className="text-ink-3" />}
      </span>
      {label}
      {state !== "to" && (
        <time className="ml-auto text-meta text-ink-2">{state === "now" ? counting(span) : duration(span)}</time>
      )}
    </li>
  );
}
