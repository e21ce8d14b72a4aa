import { api, useQuery } from "@/sync";
import { useRunId } from "../turn/RunContext";
import { OutputView } from "./OutputView";

/** The last lines of a command that is running. */
export function LiveOutput({ toolUseId }: { toolUseId: string }) {
  const runId = useRunId();
  const output = useQuery(api.runs.toolOutput, runId ? { runId, toolUseId } : "skip");
  if (!output?.tail) return <p className="step-note">No output yet.</p>;
  return <OutputView text={output.tail} live />;
}
