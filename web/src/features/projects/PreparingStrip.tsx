import { CircleAlert } from "lucide-react";
import type { ClientConfig } from "@/sync";
import { LiveNode, Strip } from "@/ui";

/** While the server prepares what all sandboxes start from: says what it does and that projects may wait for it. */
export function PreparingStrip({ preparing }: { preparing: NonNullable<ClientConfig["preparing"]> }) {
  return (
    <Strip label="Preparation" tone="info" icon={<LiveNode />}>
      {preparing.step.replace(/[.…]+$/, "")}. Projects may wait for this.
    </Strip>
  );
}

/** What projects start from couldn't be prepared: says why, and what whoever runs the server can do. */
export function PreparingFailedStrip({ failed }: { failed: NonNullable<ClientConfig["preparingFailed"]> }) {
  return (
    <Strip label="Preparation" tone="bad" icon={<CircleAlert size={16} strokeWidth={1.75} aria-hidden />}>
      {failed.message} {failed.hint}
    </Strip>
  );
}
