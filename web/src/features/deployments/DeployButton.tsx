import { Rocket } from "lucide-react";
import type { Deployment } from "@/sync";
import { Button, LiveNode } from "@/ui";
import { isUnderWay } from "./state";

/** Opens the dialog; while a deployment is under way it says so, also when the dialog is closed. */
export function DeployButton({ newest, onOpen }: { newest?: Deployment; onOpen(): void }) {
  const busy = isUnderWay(newest);
  return (
    <Button
      onClick={onOpen}
      icon={busy ? <LiveNode /> : <Rocket size={16} strokeWidth={1.75} aria-hidden className="max-sm:hidden" />}
    >
      {busy ? "Deploying…" : "Deploy"}
    </Button>
  );
}
