import { CircleAlert } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { cx } from "@/lib/cx";
import { useWidth } from "@/lib/useMedia";
import type { ClientConfig, Project } from "@/sync";
import { Button, Note } from "@/ui";
import { OtherState } from "./OtherState";
import { type FrameWidth, PreviewBar } from "./PreviewBar";
import { errorPrompt, previewState } from "./state";
import { StateView } from "./StateView";
import { useActivate } from "./useActivate";
import { useAddress } from "./useAddress";
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
  const address = useAddress(project, path);
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
  const errors = state.kind === "app" ? state.errors : [];
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <PreviewBar
        path={path}
        isPublic={project.settings?.public === true}
        ready={frame.src !== undefined || frame.fault !== undefined}
        narrow={narrow}
        width={width}
        size={size}
        errors={errors}
        onGo={go}
        onReload={frame.reload}
        onWidth={setWidth}
        onOpen={address.openTab}
        onCopy={address.copy}
        onPublic={address.setPublic}
        onSend={() => onSendToAgent(errorPrompt("The dev server reports an error:", errors))}
      />
      <div aria-hidden className="relative h-0 shrink-0">
        {state.kind === "app" && (state.rebuilding || (frame.src !== undefined && !frame.loaded)) && (
          <div className="absolute inset-x-0 top-0 z-10 h-0.5 appear-late bg-accent" />
        )}
      </div>
      {address.fault && (
        <Note
          tone="bad"
          className="m-2"
          title={address.fault.title}
          actions={
            <Button size="sm" onClick={address.dismiss}>
              Close
            </Button>
          }
        >
          {address.fault.text}
        </Note>
      )}
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
