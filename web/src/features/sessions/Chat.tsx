import { type ReactNode, type Ref, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useCommand } from "@/commands";
import { takeFirstPrompt } from "@/lib/firstPrompt";
import { landed } from "@/lib/nav";
import type { TimelineCommit, Turn } from "@/lib/timeline";
import type { Mode } from "@/sync";
import { ChatProvider } from "./ChatContext";
import "./chat.css";
import { Composer } from "./composer/Composer";
import { PlanBar } from "./composer/PlanBar";
import { QueueBox } from "./composer/QueueBox";
import { setDraft, useDraft } from "./draft";
import { Feed } from "./feed/Feed";
import { useKeptPlace } from "./feed/useKeptPlace";
import { useStickToEnd } from "./feed/useStickToEnd";
import { type FileLinks, FileLinksProvider } from "./FileLinks";
import { preloadMarkdown } from "./turn/TextBlock";
import { useAnnouncements } from "./useAnnouncements";
import { type FileActivity, useFileActivity } from "./useFileActivity";
import { useComing } from "./useComing";
import { useKnownFiles } from "./useKnownFiles";
import { usePrompts } from "./usePrompts";
import { type SessionState, useSession } from "./useSession";
import { useStop } from "./useStop";

export type ChatProps = {
  projectId: string;
  /** Absent in a project without sessions: the first prompt makes one. */
  sessionId?: string;
  userId: string;
  /** Letter of the person in the rail. */
  initial: string;
  /** Name of the model, shown beside the prompt. */
  model: string;
  sandboxReady: boolean;
  /** The session to send to. */
  session(): Promise<string>;
  /** Makes another session and opens it, with this text in its prompt box. */
  startAnew(text: string): void;
  openFile(path: string, line?: number): void;
  renderCheckpoint(commit: TimelineCommit, turn: Turn): ReactNode;
  /** Told what the agent does to files, whenever that changes. */
  onFiles(activity: FileActivity): void;
  box?: Ref<HTMLTextAreaElement>;
};

/** The chat of one session with its prompt box. Give it the session's id as key. */
export function Chat(props: ChatProps) {
  const { projectId, sessionId, userId, initial, startAnew, openFile, renderCheckpoint } = props;
  const place = sessionId ?? projectId;
  const state = useSession(sessionId);
  const stick = useStickToEnd();
  // Who came here from home goes on typing; a finger has no use for a keyboard that opens by itself.
  const [greeted] = useState(() => landed() && !window.matchMedia("(pointer: coarse)").matches);
  useKeptPlace(place, stick, !state.loading && state.turns.length > 0);
  const [text, setText] = useDraft(userId, place);
  const [modeText, setModeText] = useDraft(userId, `${place}.mode`);
  const mode: Mode = modeText === "ask" ? "ask" : "code";
  const arrived = useMemo(() => newestPrompts(state), [state]);
  const prompts = usePrompts({ projectId, userId, place, session: props.session, arrived });
  const { stop, stopping, hint } = useStop(state.active);
  const working = state.active !== undefined;
  const last = state.turns.at(-1);
  useAnnouncements(last);
  useFileActivity(state.turns, props.onFiles);

  const { toEnd, atEnd } = stick;
  const submit = (prompt: string, as: Mode) => {
    prompts.send(prompt, as);
    toEnd();
  };
  const send = () => {
    const prompt = text.trim();
    if (prompt === "") return;
    setText("");
    submit(prompt, mode);
  };
  // The pending prompt is drawn after this event: hold the end once more.
  useEffect(() => {
    if (prompts.pending.length > 0) toEnd();
  }, [prompts.pending.length, toEnd]);

  const retry = useRef<(turn: Turn) => void>(() => {});
  useEffect(() => {
    retry.current = (turn) => {
      if (turn.prompt) submit(turn.prompt.text, turn.mode === "ask" ? "ask" : "code");
    };
  });
  const onRetry = useCallback((turn: Turn) => retry.current(turn), []);
  const parts = useMemo(
    () => ({ initial, atEnd, retry: onRetry, startAnew, renderCheckpoint }),
    [initial, atEnd, onRetry, startAnew, renderCheckpoint],
  );
  const known = useKnownFiles(state.turns);
  const files = useMemo<FileLinks>(() => ({ known, open: openFile }), [known, openFile]);

  // A project that was made for a prompt sends it as soon as its chat stands.
  const first = useRef(() => {});
  useEffect(() => {
    first.current = () => {
      const prompt = takeFirstPrompt(projectId);
      if (prompt) submit(prompt, "code");
    };
  });
  useEffect(() => first.current(), []);
  useEffect(preloadMarkdown, []);

  useCommand({
    id: "chat.send",
    title: "Send",
    group: "Prompt",
    keys: "mod+enter",
    disabled: text.trim() === "",
    run: send,
  });
  useCommand({
    id: "chat.mode",
    title: "Code or Ask",
    group: "Prompt",
    keys: "mod+i",
    run: () => setDraft(userId, `${place}.mode`, mode === "ask" ? "" : "ask"),
  });

  const coming = useComing(state.queued, prompts.pending, working || !props.sandboxReady);
  return (
    <ChatProvider value={parts}>
      <FileLinksProvider value={files}>
        <Feed
          turns={state.turns}
          firstNumber={state.firstNumber}
          loading={state.loading}
          older={state.older}
          complete={state.complete}
          sending={coming.feed}
          initial={initial}
          stick={stick}
          empty={
            state.queued.length === 0 && (
              <p className="px-10 pb-4 text-body text-ink-2">Nothing has been asked in this session yet.</p>
            )
          }
        />
        <Composer
          box={props.box}
          autoFocus={greeted}
          text={text}
          onText={setText}
          mode={mode}
          onMode={(m) => setModeText(m === "ask" ? "ask" : "")}
          onSend={send}
          working={working}
          stopping={stopping}
          onStop={stop}
          escHint={hint}
          model={props.model}
          first={!state.loading && state.turns.length === 0}
          error={prompts.fault?.message}
          above={
            <>
              {working && last?.plan && <PlanBar key={last.key} plan={last.plan} />}
              <QueueBox queued={coming.queued} sending={coming.sending} sandboxReady={props.sandboxReady} />
            </>
          }
        />
      </FileLinksProvider>
    </ChatProvider>
  );
}

function newestPrompts(state: SessionState): string[] | undefined {
  if (state.loading) return undefined;
  const begun = state.turns.slice(-5).flatMap((t) => (t.prompt ? [t.prompt.text] : []));
  return [...begun, ...state.queued.map((q) => q.text)];
}
