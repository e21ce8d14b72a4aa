import { CircleAlert, CircleOff, Moon, PlugZap, ServerOff } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { copyText } from "@/lib/clipboard";
import { cx } from "@/lib/cx";
import { useWidth } from "@/lib/useMedia";
import { api, type ClientConfig, type Project, toFault, useAction, useMutation } from "@/sync";
import { Button, CopyButton, useAnnounce } from "@/ui";
import { Preparing, PreparingBase, Waking } from "./Preparing";
import { type FrameWidth, PreviewBar } from "./PreviewBar";
import { errorPrompt, type PreviewState, previewState } from "./state";
import { StateView } from "./StateView";
import { useFrame } from "./useFrame";
import { useFrameSize } from "./useFrameSize";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

// The rims of the frame are not part of the app's width.
const rims = 2;

export type PreviewPaneProps = {
  project: Project;
  config?: ClientConfig;
  path: string;
  onPath(path: string): void;
  /** Puts a text into the prompt box; the person sends it. */
  onSendToAgent(text: string): void;
};

/** The person's app, running in its sandbox on an origin of its own. */
export function PreviewPane({ project, config, path, onPath, onSendToAgent }: PreviewPaneProps) {
  const projectId = project._id;
  const up = project.sandbox?.status === "started" && project.sandbox.devServer?.status !== "exited";
  const [open, setOpen] = useState(false);
  const frame = useFrame(projectId, project.sandboxId, path, up);
  const state = previewState(project, config, open);
  const [width, setWidth] = useState<FrameWidth>("full");
  const narrow = useWidth() === "phone";
  const link = useAction(api.projects.previewLink);
  const setPublic = useMutation(api.projects.setPublic);
  const announce = useAnnounce();
  const box = useRef<HTMLDivElement>(null);
  const size = useFrameSize(box, width !== "full" && !narrow, frame.key);
  const { activate, fault } = useActivate(project);

  useEffect(() => {
    if (!up) setOpen(false);
    else if (frame.loaded) setOpen(true);
  }, [up, frame.loaded]);

  const go = (to: string) => {
    onPath(to);
    frame.go(to);
  };
  const openTab = () => {
    // Opened in the press itself: after the answer a browser would take it for a pop-up.
    const tab = window.open("", "_blank");
    link({ projectId }).then(
      ({ url }) => {
        if (!tab) return;
        tab.opener = null;
        tab.location.href = url;
      },
      () => tab?.close(),
    );
  };
  const copy = () =>
    void link({ projectId })
      .then(({ url }) => copyText(project.settings?.public ? new URL(path, url).href : url))
      .then((ok) => announce(ok ? "Copied" : "The browser refused"));
  const errors = state.kind === "app" ? state.errors : [];
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <PreviewBar
        path={path}
        isPublic={project.settings?.public === true}
        ready={frame.src !== undefined}
        narrow={narrow}
        width={width}
        size={size}
        errors={errors}
        onGo={go}
        onReload={frame.reload}
        onWidth={setWidth}
        onOpen={openTab}
        onCopy={copy}
        onPublic={(v) => void setPublic({ projectId, public: v })}
        onSend={() => onSendToAgent(errorPrompt("The dev server reports an error:", errors))}
      />
      <div aria-hidden className="relative h-0 shrink-0">
        {state.kind === "app" && (state.rebuilding || (frame.src !== undefined && !frame.loaded)) && (
          <div className="absolute inset-x-0 top-0 z-10 h-0.5 appear-late bg-accent" />
        )}
      </div>
      {state.kind === "app" && frame.fault && (
        <StateView
          icon={<CircleAlert {...icon} />}
          title="The preview can't be opened."
          actions={<Button onClick={frame.reload}>Try again</Button>}
        >
          {frame.fault.message}
        </StateView>
      )}
      {state.kind === "app" && frame.src && (
        <div ref={box} className="flex min-h-0 flex-1 justify-center overflow-x-auto p-0 md:p-3">
          <iframe
            key={frame.key}
            src={frame.src}
            onLoad={frame.onLoad}
            title={`Preview of ${project.name}`}
            sandbox="allow-scripts allow-same-origin allow-forms allow-popups allow-modals allow-downloads"
            referrerPolicy="no-referrer"
            style={narrow || width === "full" ? undefined : { width: Number(width) + rims }}
            className={cx(
              "h-full shrink-0 border border-line bg-white max-md:border-0 md:rounded-card",
              (narrow || width === "full") && "w-full shrink",
            )}
          />
        </div>
      )}
      {state.kind === "app" && !frame.src && !frame.fault && <div className="flex-1" />}
      {state.kind !== "app" && (
        <OtherState
          state={state}
          project={project}
          fault={fault}
          onActivate={activate}
          onReload={frame.reload}
          onSendToAgent={onSendToAgent}
        />
      )}
    </div>
  );
}

type OtherProps = {
  state: Exclude<PreviewState, { kind: "app" }>;
  project: Project;
  fault?: string;
  onActivate(): void;
  onReload(): void;
  onSendToAgent(text: string): void;
};

function OtherState({ state, project, fault, onActivate, onReload, onSendToAgent }: OtherProps) {
  const refused = fault && <p className="mt-2 text-bad">{fault}</p>;
  switch (state.kind) {
    case "preparing":
      return <Preparing steps={project.sandbox?.steps ?? firstSteps} />;
    case "base":
      return <PreparingBase step={state.step} />;
    case "waking":
      return <Waking since={state.since} />;
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

const firstSteps = [
  { id: "create", label: "Create sandbox" },
  { id: "copy", label: "Copy template" },
  { id: "dev", label: "Start dev server" },
];

/** Wakes, restarts or starts anew, whatever the project needs. Opening a sleeping project wakes it without asking. */
function useActivate(project: Project) {
  const mutate = useMutation(api.projects.activateProject);
  const [fault, setFault] = useState<string>();
  const activate = () => {
    setFault(undefined);
    mutate({ projectId: project._id }).catch((e: unknown) => setFault(toFault(e).message));
  };
  const first = useRef(true);
  const status = project.sandbox?.status;
  useEffect(() => {
    if (!first.current) return;
    first.current = false;
    if (status === undefined || status === "stopped") activate();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only what is found when the page opens
  }, []);
  return { activate, fault };
}
