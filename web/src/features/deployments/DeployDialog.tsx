import { useEffect, useRef, useState } from "react";
import { api, type Deployment, type Project, toFault, useLine, useMutation } from "@/sync";
import { Button, Dialog, Note, useAnnounce } from "@/ui";
import { AppLog } from "./AppLog";
import { Live, LiveLink } from "./Live";
import { LogView } from "./LogView";
import { proposedName, refusal } from "./name";
import { NameField } from "./NameField";
import { isFailed, isUnderWay, lastLines, liveOne } from "./state";
import { StepList } from "./StepList";
import { useName } from "./useName";

export type DeployDialogProps = {
  project: Project;
  /** Newest first. */
  deployments: Deployment[];
  domain: string;
  /** Number of the newest checkpoint, if there is one. */
  checkpoint?: number;
  /** A run is changing files. */
  working: boolean;
  onClose(): void;
  onSendToAgent(text: string): void;
};

/** Deploys the project: choose a name, watch the steps, open the app. It may be closed at any time. */
export function DeployDialog(props: DeployDialogProps) {
  const { project, deployments, domain, checkpoint, working, onClose } = props;
  const newest = deployments[0];
  const under = isUnderWay(newest);
  const failed = isFailed(newest);
  const owned = newest?.name ?? project.deployment?.name;
  const name = useName(project._id, owned ?? proposedName(project.name));
  const { asked, deploy } = useDeploy(project._id, newest?._id, name.refuse);
  const offline = useLine() === "lost";
  useSaid(newest);
  const go = () => {
    if (!busy && name.ready()) deploy(name.name);
  };
  const busy = under || asked;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Deploy “${project.name}”`}
      footer={
        <>
          <Button look="quiet" onClick={onClose}>
            Close
          </Button>
          <Button
            look="primary"
            busy={busy}
            busyLabel={asked && offline ? "Waiting" : "Deploying…"}
            aria-disabled={name.error !== undefined || undefined}
            onClick={go}
          >
            {failed ? "Try again" : "Deploy"}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <NameField
          name={name.name}
          domain={domain}
          error={name.error}
          disabled={busy}
          onChange={name.set}
          onEnter={go}
        />
        <p role={offline ? "status" : undefined} className="-mt-2 text-step text-ink-2">
          {offline ? offlineWords(asked) : takes(working, checkpoint)}
        </p>
        <Progress {...props} asked={asked} />
        {liveOne(deployments) && <AppLog projectId={project._id} />}
      </div>
    </Dialog>
  );
}

/** How the newest deployment goes or went, and which one is live. */
function Progress({ deployments, asked, onClose, onSendToAgent }: DeployDialogProps & { asked: boolean }) {
  const newest = deployments[0];
  const live = liveOne(deployments);
  const failed = isFailed(newest);
  if (!newest) return null;
  const send = () => {
    const lines = lastLines(newest.log, 20);
    onSendToAgent(
      `The deployment failed: ${newest.error ?? "no reason was given"}\n\n${lines.join("\n")}\n\nFind the cause and fix it.`,
    );
    onClose();
  };
  return (
    <>
      {(isUnderWay(newest) || failed) && <StepList deployment={newest} />}
      {failed && (
        <Note
          tone="bad"
          title={failedSentence(newest)}
          actions={
            <Button size="sm" onClick={send}>
              Send to agent
            </Button>
          }
        >
          {live ? `The version of ${checkpointName(live)} stays live.` : "Nothing is live yet."}
        </Note>
      )}
      {(isUnderWay(newest) || failed) && <LogView key={newest._id} log={newest.log} failed={failed} />}
      {newest.status === "deployed" && !asked && <Live deployment={newest} />}
      {newest.status !== "deployed" && live?.url && (
        <p className="text-step text-ink-2">
          Live now: <LiveLink url={live.url} />
        </p>
      )}
    </>
  );
}

/** Asks for a deployment; `asked` holds until the server shows the new one, or refuses. */
function useDeploy(projectId: string, newest: string | undefined, refuse: (words: string | undefined) => void) {
  const deploy = useMutation(api.projects.deployProject);
  const [asked, setAsked] = useState(false);
  const seen = useRef(newest);
  useEffect(() => {
    if (seen.current === newest) return;
    seen.current = newest;
    setAsked(false);
  }, [newest]);
  return {
    asked,
    deploy(deployName: string) {
      setAsked(true);
      deploy({ projectId, deployName }).catch((e: unknown) => {
        const f = toFault(e);
        const reasons = { name_taken: "taken", name_reserved: "reserved", name_bad: "bad" } as const;
        setAsked(false);
        refuse(f.code in reasons ? refusal(reasons[f.code as keyof typeof reasons]) : f.message);
      });
    },
  };
}

function offlineWords(asked: boolean): string {
  return asked
    ? "The connection is lost. The deployment starts when it is back."
    : "The connection is lost. A deployment that you start now waits for it.";
}

function takes(working: boolean, checkpoint: number | undefined): string {
  if (working) return "The agent is changing files. This deploys them as they are now.";
  return checkpoint ? `Takes the files of checkpoint ${checkpoint}.` : "Takes the files as they are now.";
}

function checkpointName(d: Deployment): string {
  return d.checkpoint ? `checkpoint ${d.checkpoint}` : "before";
}

function failedSentence(d: Deployment): string {
  const what = d.status === "build_failed" ? "The build failed" : "The deployment failed";
  const why = d.error?.split("\n", 1)[0]?.trim().replace(/\.$/, "");
  if (!why || why.toLowerCase().startsWith(what.toLowerCase())) return `${what}.`;
  return `${what}: ${why.replace(/^(The|It) /, (word) => word.toLowerCase())}.`;
}

/** Says how a deployment ended while the dialog is open. */
function useSaid(newest: Deployment | undefined): void {
  const announce = useAnnounce();
  const before = useRef(newest);
  useEffect(() => {
    const old = before.current;
    before.current = newest;
    if (!newest || old?.status === newest.status || !isUnderWay(old)) return;
    if (newest.status === "deployed") announce(`Live now: ${newest.url ?? newest.name}`);
    if (isFailed(newest)) announce(failedSentence(newest), "alert");
  }, [newest, announce]);
}
