import { CircleAlert, CircleOff, Moon, PlugZap, ServerOff } from "lucide-react";
import type { Project } from "@/sync";
import { Button, CopyButton } from "@/ui";
import { Preparing, PreparingBase, Waking } from "./Preparing";
import { errorPrompt, type PreviewState } from "./state";
import { StateView } from "./StateView";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

const firstSteps = [
  { id: "create", label: "Create sandbox" },
  { id: "copy", label: "Copy template" },
  { id: "dev", label: "Start dev server" },
];

export type OtherStateProps = {
  state: Exclude<PreviewState, { kind: "app" }>;
  project: Project;
  fault?: string;
  onActivate(): void;
  onReload(): void;
  onSendToAgent(text: string): void;
};

/** What stands in the app's place while there is none, and the way on from there. */
export function OtherState({ state, project, fault, onActivate, onReload, onSendToAgent }: OtherStateProps) {
  const refused = fault && <p className="mt-2 text-bad">{fault}</p>;
  switch (state.kind) {
    case "preparing":
      return <Preparing steps={project.sandbox?.steps ?? firstSteps} waitsFor={project.sandbox?.waitsFor} />;
    case "base":
      return <PreparingBase step={state.step} />;
    case "waking":
      return <Waking since={state.since} waitsFor={project.sandbox?.waitsFor} />;
    case "asleep":
      return (
        <StateView
          icon={<Moon {...icon} />}
          title="The project is asleep."
          actions={<Button onClick={onActivate}>Wake it</Button>}
        >
          Files and chat are safe.
          {refused}
        </StateView>
      );
    case "failed":
      return (
        <StateView
          icon={<CircleOff {...icon} />}
          title="The sandbox didn't start."
          actions={
            <>
              <Button onClick={onActivate}>Try again</Button>
              <CopyButton
                look="quiet"
                text={`project ${project._id}\nsandbox ${project.sandboxId ?? "none"}\n${state.reason}`}
              >
                Copy details
              </CopyButton>
            </>
          }
        >
          {state.reason}
          {refused}
        </StateView>
      );
    case "stopped": {
      const ended = state.exitCode === undefined ? "It ended." : `It ended with exit code ${state.exitCode}.`;
      return (
        <StateView
          icon={<ServerOff {...icon} />}
          title="The dev server stopped."
          lines={state.lines}
          actions={
            <>
              <Button onClick={onActivate}>Restart</Button>
              <Button
                look="quiet"
                onClick={() => onSendToAgent(errorPrompt(`The dev server stopped. ${ended}`, state.lines))}
              >
                Send to agent
              </Button>
            </>
          }
        >
          {ended}
          {refused}
        </StateView>
      );
    }
    case "broken":
      return (
        <StateView
          icon={<CircleAlert {...icon} />}
          title="The app doesn't build."
          lines={state.lines}
          actions={
            <>
              <Button onClick={() => onSendToAgent(errorPrompt("The app doesn't build:", state.lines))}>
                Send to agent
              </Button>
              <CopyButton look="quiet" text={(project.sandbox?.devServer?.lastLines ?? state.lines).join("\n")}>
                Copy log
              </CopyButton>
            </>
          }
        />
      );
    case "silent":
      return (
        <StateView
          icon={<PlugZap {...icon} />}
          title={`Nothing answers on port ${state.port} yet.`}
          actions={<Button onClick={onReload}>Reload</Button>}
        />
      );
  }
}
