import { lazy, Suspense, useEffect } from "react";
import { bytes } from "@/lib/format";
import { api, useAction } from "@/sync";
import { Button, Loading, Skeleton } from "@/ui";
import type { FileActivity } from "./activity";
import { shownBytes, useFile } from "./useFile";

const Editor = lazy(() => import("./Editor"));

export type FileViewProps = {
  projectId: string;
  path: string;
  line?: number;
  wrap: boolean;
  ready: boolean;
  activity: FileActivity;
  onGone(path: string, gone: boolean): void;
  /** Shows the path in the list of files instead. */
  onFolder(path: string): void;
};

/** One file, or why it can't be shown. */
export function FileView({ projectId, path, line, wrap, ready, activity, onGone, onFolder }: FileViewProps) {
  const { state, reload } = useFile(projectId, path, ready, activity);
  useEffect(() => onGone(path, state.kind === "gone"), [onGone, path, state.kind]);
  switch (state.kind) {
    case "loading":
      return <LinesSkeleton />;
    case "text":
      return (
        <Suspense fallback={<LinesSkeleton />}>
          <Editor path={path} text={state.text} line={line} wrap={wrap} />
        </Suspense>
      );
    case "binary":
      return (
        <Message text={`Binary file, ${bytes(state.size)}.`}>
          <Download projectId={projectId} path={path} />
        </Message>
      );
    case "big":
      return <Message text={`Too big to show (${bytes(state.size)}).`} />;
    case "gone":
      return <Message text="This file was deleted." />;
    case "missing":
      return <Message text="There is no such file." />;
    case "folder":
      return (
        <Message text="This is a folder.">
          <Button onClick={() => onFolder(path)}>Show its files</Button>
        </Message>
      );
    case "fault":
      return (
        <Message text={state.message}>
          <Button onClick={reload}>Try again</Button>
        </Message>
      );
  }
}

function Message({ text, children }: { text: string; children?: React.ReactNode }) {
  return (
    <div className="flex flex-1 flex-col items-start gap-3 bg-code p-6">
      <p>{text}</p>
      {children}
    </div>
  );
}

function Download({ projectId, path }: { projectId: string; path: string }) {
  const read = useAction(api.files.readFile);
  const save = async () => {
    const file = await read({ projectId, path, as: "base64", maxBytes: shownBytes });
    const data = Uint8Array.from(atob(file.content), (c) => c.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([data]));
    const a = document.createElement("a");
    a.href = url;
    a.download = path.split("/").at(-1) ?? "file";
    a.click();
    URL.revokeObjectURL(url);
  };
  return <Button onClick={() => void save()}>Download</Button>;
}

function LinesSkeleton() {
  return (
    <Loading what="the file" className="flex flex-1 flex-col gap-2 bg-code p-6">
      {["w-2/5", "w-3/5", "w-1/2", "w-1/3"].map((w) => (
        <Skeleton key={w} className={`h-3.5 ${w}`} />
      ))}
    </Loading>
  );
}
