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
