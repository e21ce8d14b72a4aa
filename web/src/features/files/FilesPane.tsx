import { ArrowLeft, TextWrap } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { cx } from "@/lib/cx";
import { useWidth } from "@/lib/useMedia";
import { Button, Field, IconButton, Loading, Skeleton } from "@/ui";
import type { FileActivity } from "./activity";
import { FileTabs } from "./FileTabs";
import { FileView } from "./FileView";
import { TreeView } from "./TreeView";
import { matching, useNames } from "./useNames";
import { useOpenFiles } from "./useOpenFiles";
import { useTree } from "./useTree";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

export type FilesPaneProps = {
  projectId: string;
  /** The sandbox is up: files can be read. */
  ready: boolean;
  /** What is shown while it isn't: "Waking", "Preparing your project". */
  waitingFor: string;
  file?: string;
  line?: number;
  activity: FileActivity;
  onOpen(path: string | undefined, line?: number): void;
};

/** The project's files to read: a tree, a filter, and the open ones in tabs. */
export function FilesPane({ projectId, ready, waitingFor, file, line, activity, onOpen }: FilesPaneProps) {
  const tree = useTree(projectId, ready, activity.changes + activity.edits.length);
  const { files, close } = useOpenFiles(projectId, file);
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [wrap, setWrap] = useState(false);
  const phone = useWidth() === "phone";
  const { reveal } = tree;

  useEffect(() => {
    if (file && ready) reveal(file);
  }, [file, ready, reveal]);

  const onGone = useCallback((path: string, is: boolean) => {
    setGone((g) => {
      if (g.has(path) === is) return g;
      const next = new Set(g);
      if (is) next.add(path);
      else next.delete(path);
      return next;
    });
  }, []);
  const onClose = (path: string) => {
    close(path);
    if (path === file) onOpen(files.filter((p) => p !== path).at(-1));
  };

  const side = (
    <Side
      projectId={projectId}
      ready={ready}
      waitingFor={waitingFor}
      tree={tree}
      current={file}
      activity={activity}
      onOpen={onOpen}
    />
  );
  if (phone && !file) return side;
  return (
    <div className="flex min-h-0 min-w-0 flex-1">
      {!phone && <div className="flex w-60 shrink-0 flex-col border-r border-line bg-bg">{side}</div>}
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        {files.length > 0 && (
          <div className="flex shrink-0 items-center border-b border-line bg-bg pr-2">
            {phone && <IconButton label="All files" icon={<ArrowLeft {...icon} />} onClick={() => onOpen(undefined)} />}
            <FileTabs
              files={files}
              current={file}
              gone={gone}
              editing={activity.editing}
              onOpen={onOpen}
              onClose={onClose}
            />
            <IconButton
              label="Wrap lines"
              icon={<TextWrap {...icon} />}
              pressed={wrap}
              onClick={() => setWrap(!wrap)}
            />
          </div>
        )}
        {file ? (
          <FileView
            key={file}
            projectId={projectId}
            path={file}
            line={line}
            wrap={wrap}
            ready={ready}
            activity={activity}
            onGone={onGone}
            onFolder={(folder) => {
              reveal(`${folder}/`);
              onClose(folder);
            }}
          />
        ) : (
          <p className="p-6 text-ink-2">Choose a file to read it.</p>
        )}
      </div>
    </div>
  );
}

type SideProps = Pick<FilesPaneProps, "projectId" | "ready" | "waitingFor" | "activity" | "onOpen"> & {
  tree: ReturnType<typeof useTree>;
  current?: string;
};

function Side({ projectId, ready, waitingFor, tree, current, activity, onOpen }: SideProps) {
  const [filter, setFilter] = useState("");
  const names = useNames(projectId, ready && filter.trim() !== "", activity.changes);
  const root = tree.folders[""];
  return (
    <>
      <div className="p-2">
        <Field
          label="Filter files by name"
          hideLabel
          placeholder="Filter by name"
          value={filter}
          onChange={(e) => setFilter(e.target.value)}
        />
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto">
        {!root?.entries && root?.fault && ready ? (
          <div className="flex flex-col items-start gap-3 p-4">
            <p>{root.fault.message}</p>
            <Button onClick={() => void tree.reload()}>Try again</Button>
          </div>
        ) : !root?.entries ? (
          <TreeSkeleton words={ready ? undefined : waitingFor} />
        ) : filter.trim() !== "" ? (
          <Matches paths={names && matching(names, filter)} current={current} onOpen={onOpen} />
        ) : root.entries.length === 0 ? (
          <p className="p-4 text-ink-2">No files yet.</p>
        ) : (
          <TreeView
            folders={tree.folders}
            open={tree.open}
            current={current}
            editing={activity.editing}
            onToggle={tree.toggle}
            onOpen={onOpen}
          />
        )}
      </div>
    </>
  );
}

function Matches({ paths, current, onOpen }: { paths?: string[]; current?: string; onOpen(path: string): void }) {
  if (!paths) return <TreeSkeleton />;
  if (paths.length === 0) return <p className="p-4 text-ink-2">No file has this name.</p>;
  return (
    <ul aria-label="Files found" className="py-1 text-step">
      {paths.map((path) => (
        <li key={path}>
          <button
            type="button"
            onClick={() => onOpen(path)}
            aria-current={path === current || undefined}
            className={cx(
              "flex min-h-7 w-full min-w-0 items-baseline gap-2 px-3 py-1 text-start -outline-offset-2 pointer-coarse:min-h-11",
              path === current ? "bg-accent-soft" : "hover:bg-sunken",
            )}
          >
            <span className="shrink-0">{path.split("/").at(-1)}</span>
            <span className="min-w-0 truncate text-meta text-ink-3">{path.split("/").slice(0, -1).join("/")}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function TreeSkeleton({ words }: { words?: string }) {
  return (
    <Loading what="the files" className="flex flex-col gap-2.5 p-4">
      {words && <p className="text-step text-ink-2">{words}</p>}
      {["w-3/5", "w-2/5", "w-1/2", "w-2/5", "w-3/5"].map((w, i) => (
        <Skeleton key={i} className={`h-3.5 ${w}`} />
      ))}
    </Loading>
  );
}
