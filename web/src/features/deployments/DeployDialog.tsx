import { ExternalLink } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { duration } from "@/lib/time";
import { api, type Deployment, type Project, toFault, useMutation } from "@/sync";
import { Button, buttonClass, CopyButton, Dialog, linkClass, Note, useAnnounce } from "@/ui";
import { LogView } from "./LogView";
import { nameFault, proposedName, refusal } from "./name";
import { NameField } from "./NameField";
import { isFailed, isUnderWay, lastLines, liveOne } from "./state";
import { StepList } from "./StepList";
import { useNameCheck } from "./useNameCheck";

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
export function DeployDialog({
  project,
  deployments,
  domain,
  checkpoint,
  working,
  onClose,
  onSendToAgent,
}: DeployDialogProps) {
  const newest = deployments[0];
  const live = liveOne(deployments);
  const under = isUnderWay(newest);
  const failed = isFailed(newest);
  const owned = newest?.name ?? project.deployment?.name;
  const [name, setName] = useState(() => owned ?? proposedName(project.name));
  const check = useNameCheck(project._id, name);
  const deploy = useMutation(api.projects.deployProject);
  const [asked, setAsked] = useState(false);
  const [fault, setFault] = useState<string>();
  useSaid(newest);

  // What was asked for shows as a new deployment; until then the button stays busy.
  const seen = useRef(newest?._id);
  useEffect(() => {
    if (seen.current === newest?._id) return;
    seen.current = newest?._id;
    setAsked(false);
  }, [newest?._id]);

  const error = nameFault(name) ?? refusal(check?.ok === false ? check.reason : undefined) ?? fault;
  const go = () => {
    if (error && !fault) return;
    setFault(undefined);
    setAsked(true);
    deploy({ projectId: project._id, deployName: name }).catch((e: unknown) => {
      const f = toFault(e);
      const reasons = { name_taken: "taken", name_reserved: "reserved", name_bad: "bad" } as const;
      setAsked(false);
      setFault(f.code in reasons ? refusal(reasons[f.code as keyof typeof reasons]) : f.message);
    });
  };
  const send = () => {
    const lines = lastLines(newest?.log, 20);
    onSendToAgent(
      `The deployment failed: ${newest?.error ?? "no reason was given"}\n\n${lines.join("\n")}\n\nFind the cause and fix it.`,
    );
    onClose();
  };
  const busy = under || asked;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Deploy ${project.name}`}
      footer={
        <>
          <Button look="quiet" onClick={onClose}>
            Close
          </Button>
          <Button
            look="primary"
            busy={busy}
            busyLabel="Deploying…"
            aria-disabled={Boolean(error) || undefined}
            onClick={go}
          >
            {failed ? "Try again" : "Deploy"}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <NameField
          name={name}
          domain={domain}
          error={error}
          disabled={busy}
          onChange={(n) => {
            setFault(undefined);
            setName(n);
          }}
          onEnter={go}
        />
        <p className="-mt-2 text-step text-ink-2">{takes(working, checkpoint)}</p>
        {newest && (under || failed) && <StepList deployment={newest} />}
        {newest && failed && (
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
        {newest && (under || failed) && <LogView key={newest._id} log={newest.log} failed={failed} />}
        {newest?.status === "deployed" && !asked && <Live deployment={newest} />}
        {newest?.status !== "deployed" && live?.url && (
          <p className="text-step text-ink-2">
            Live now: <LiveLink url={live.url} />
          </p>
        )}
      </div>
    </Dialog>
  );
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
  return why && !why.toLowerCase().startsWith(what.toLowerCase()) ? `${what}: ${why}.` : `${what}.`;
}

function Live({ deployment }: { deployment: Deployment }) {
  const { url, startedAt, endedAt, checkpoint } = deployment;
  if (!url) return null;
  const facts = [
    endedAt ? `took ${duration(endedAt - startedAt)}` : "",
    checkpoint ? `checkpoint ${checkpoint}` : "",
  ].filter(Boolean);
  return (
    <Note
      tone="ok"
      title={
        <>
          Live now: <LiveLink url={url} />
        </>
      }
      actions={
        <>
          <a href={url} target="_blank" rel="noopener noreferrer" className={buttonClass("plain", "sm")}>
            Open
          </a>
          <CopyButton size="sm" look="quiet" text={url}>
            Copy
          </CopyButton>
        </>
      }
    >
      {facts.length > 0 && <span className="tabular">{facts.join(" · ").replace(/^./, (c) => c.toUpperCase())}</span>}
    </Note>
  );
}

function LiveLink({ url }: { url: string }) {
  return (
    <a href={url} target="_blank" rel="noopener noreferrer" className={`${linkClass} inline-flex items-center gap-1`}>
      {url.replace(/^https?:\/\//, "").replace(/\/$/, "")}
      <ExternalLink size={14} strokeWidth={1.75} aria-hidden />
    </a>
  );
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
