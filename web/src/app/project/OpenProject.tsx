import { FolderOpen, MessageSquare, PanelsTopLeft } from "lucide-react";
import { useCallback, useRef, useState } from "react";
import { CheckpointCard } from "@/features/commits";
import { DeployButton, DeployDialog } from "@/features/deployments";
import { type FileActivity, FilesPane, quiet } from "@/features/files";
import { PreviewPane } from "@/features/preview";
import { DemoStrip } from "@/features/projects";
import { addToDraft, Chat, SessionsMenu } from "@/features/sessions";
import { money } from "@/lib/format";
import { initials } from "@/lib/text";
import type { TimelineCommit, Turn } from "@/lib/timeline";
import { useWidth } from "@/lib/useMedia";
import { usePlace } from "@/lib/usePlace";
import { useTitle } from "@/lib/useTitle";
import { api, type Project, toFault, useQuery, type User } from "@/sync";
import { ErrorBoundary } from "@/ui";
import { ConnectionStrip } from "../ConnectionStrip";
import { ProjectLayout } from "../ProjectLayout";
import { ProjectHeader } from "./ProjectHeader";
import { RunChip } from "./RunChip";
import { useGoCommands } from "./useGoCommands";
import { RefusedStrip } from "./RefusedStrip";
import { useNews } from "./useNews";
import { useNewSession } from "./useNewSession";
import { useRuns } from "./useRuns";
import { useSessionToSend } from "./useSessionToSend";
import { useTitleMark } from "./useTitleMark";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;
const requestId = (error: unknown) => toFault(error).requestId;

/** The project page: it joins the features and holds what passes between them. */
export function OpenProject({ project, user }: { project: Project; user: User }) {
  const projectId = project._id;
  const [place, go] = usePlace();
  const config = useQuery(api.config.client, {});
  const commits = useQuery(api.commits.listByProject, { projectId });
  const deployments = useQuery(api.deployments.listByProject, { projectId }) ?? [];
  const { sessions, active, working, ended, loaded } = useRuns(projectId);
  const [deploying, setDeploying] = useState(false);
  const [activity, setActivity] = useState<FileActivity>(quiet);
  const box = useRef<HTMLTextAreaElement>(null);
  const desk = useWidth() === "desk";
  useTitle(project.name, useTitleMark(active, ended, loaded));

  // An address without a session is the one that was newest when the page opened: a newer one elsewhere, or Back after
  // New, must not put another chat under the reader.
  const [opened, setOpened] = useState<string>();
  if (opened === undefined && sessions?.[0]) setOpened(sessions[0]._id);
  const byId = (id: string | undefined) => sessions?.find((s) => s._id === id);
  const session = byId(place.session) ?? byId(opened) ?? sessions?.[0];
  const { ensure, key } = useSessionToSend(projectId, session?._id);
  const draftPlace = session?._id ?? projectId;
  const ready = project.sandbox?.status === "started";

  const openFile = useCallback((file: string, line?: number) => go({ tab: "files", file, line }), [go]);
  const focusBox = useCallback(() => {
    if (!desk) go({ tab: "chat" });
    // The box grows with its text first; then the caret stands at its end.
    requestAnimationFrame(() => {
      box.current?.focus();
      box.current?.setSelectionRange(box.current.value.length, box.current.value.length);
    });
  }, [desk, go]);
  const sendToAgent = useCallback(
    (text: string) => {
      addToDraft(user._id, draftPlace, text);
      focusBox();
    },
    [user._id, draftPlace, focusBox],
  );
  useGoCommands(focusBox, go);
  const fresh = useNewSession(projectId, user._id, go, focusBox);

  const tab = place.tab ?? (desk ? "preview" : "chat");
  const news = loaded ? `${active?._id ?? ""} ${active?.step ?? ""} ${ended?._id ?? ""}` : undefined;
  const chatNews = useNews(news, desk || tab === "chat");
  const previewNews = useNews(commits && (commits[0]?._id ?? ""), desk || tab === "preview");

  const chat = (
    <>
      {config?.demo && <DemoStrip />}
      <ErrorBoundary requestId={requestId} resetKey={key}>
        {sessions !== undefined && (
          <Chat
            key={key}
            projectId={projectId}
            sessionId={session?._id}
            userId={user._id}
            initial={initials(user.name, user.email).slice(0, 1) || "G"}
            model={config?.model.name ?? ""}
            sandboxReady={ready}
            session={ensure}
            startAnew={fresh.start}
            openFile={openFile}
            renderCheckpoint={renderCheckpoint}
            onFiles={setActivity}
            box={box}
          />
        )}
      </ErrorBoundary>
    </>
  );
  return (
    <>
      <ProjectLayout
        header={
          <ProjectHeader
            project={project}
            sessions={
              <SessionsMenu
                projectName={project.name}
                sessions={sessions ?? []}
                current={session}
                working={working}
                compact={!desk}
                onOpen={(id) => go({ session: id })}
                onNew={() => fresh.start()}
              />
            }
            chip={<RunChip active={active} project={project} />}
            deploy={<DeployButton newest={deployments[0]} onOpen={() => setDeploying(true)} />}
          />
        }
        strips={
          <>
            <ConnectionStrip />
            {fresh.refusal && <RefusedStrip words={fresh.refusal} onClose={fresh.dismiss} />}
          </>
        }
        chat={chat}
        chatIcon={<MessageSquare {...icon} />}
        chatNews={chatNews}
        panels={[
          {
            id: "preview",
            label: "Preview",
            icon: <PanelsTopLeft {...icon} />,
            news: previewNews,
            panel: (
              <ErrorBoundary requestId={requestId}>
                <PreviewPane
                  project={project}
                  config={config}
                  path={place.path ?? "/"}
                  onPath={(path) => go({ path }, { replace: true })}
                  onSendToAgent={sendToAgent}
                />
              </ErrorBoundary>
            ),
          },
          {
            id: "files",
            label: "Files",
            icon: <FolderOpen {...icon} />,
            panel: (
              <ErrorBoundary requestId={requestId}>
                <FilesPane
                  projectId={projectId}
                  ready={ready}
                  waitingFor={project.sandbox?.isInitialized ? "Waking" : "Preparing your project"}
                  file={place.file}
                  line={place.line}
                  activity={activity}
                  onOpen={(file, line) => go({ tab: "files", file, line })}
                />
              </ErrorBoundary>
            ),
          },
        ]}
        tab={place.tab}
        onTab={(tab) => go({ tab })}
      />
      {deploying && (
        <DeployDialog
          project={project}
          deployments={deployments}
          domain={config?.domain ?? window.location.host}
          checkpoint={commits?.[0]?.version}
          working={active !== undefined}
          onClose={() => setDeploying(false)}
          onSendToAgent={sendToAgent}
        />
      )}
    </>
  );
}

function renderCheckpoint(commit: TimelineCommit, turn: Turn) {
  return (
    <CheckpointCard
      commit={commit}
      cost={turn.footer?.costUsd === undefined ? undefined : money(turn.footer.costUsd)}
    />
  );
}
