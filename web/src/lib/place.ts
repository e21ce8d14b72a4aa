/** The tabs of the work area. */
export const workTabs = ["preview", "files", "deployments"] as const;
export type WorkTab = (typeof workTabs)[number];

/** "chat" is a tab of its own where the page has one column only. */
export type Tab = WorkTab | "chat";

/** Where somebody is in a project; the address of the page holds all of it, so that reload and back work. */
export type Place = {
  projectId: string;
  /** Absent: the newest session. */
  session?: string;
  /** Absent: the preview, or the chat where there is one column. */
  tab?: Tab;
  /** Path of the open file, for the tab "files". */
  file?: string;
  /** Line to show in that file, from 1. */
  line?: number;
  /** Path within the person's app, for the preview; absent: "/". */
  path?: string;
};

/** Reads a place from the id in the path and the query of the address; what is malformed is left out. */
export function parsePlace(projectId: string, search: string): Place {
  const query = new URLSearchParams(search);
  const tab = query.get("tab");
  const line = Number(query.get("line"));
  return {
    projectId,
    session: query.get("s") || undefined,
    tab: tab === "chat" || workTabs.includes(tab as WorkTab) ? (tab as Tab) : undefined,
    file: query.get("file") || undefined,
    line: Number.isInteger(line) && line > 0 ? line : undefined,
    path: appPath(query.get("path")),
  };
}

/** The address of a place. */
export function formatPlace(place: Place): string {
  const query = new URLSearchParams();
  if (place.session) query.set("s", place.session);
  if (place.tab) query.set("tab", place.tab);
  if (place.file) query.set("file", place.file);
  if (place.line) query.set("line", String(place.line));
  if (place.path && place.path !== "/") query.set("path", place.path);
  const text = query.toString().replaceAll("%2F", "/");
  return `/p/${encodeURIComponent(place.projectId)}${text === "" ? "" : `?${text}`}`;
}

/** Where to go after signing in: a path of this page only, never another host's. */
export function safeNext(next: string | null): string {
  if (!next || !next.startsWith("/") || next.startsWith("//") || next.includes("\\")) return "/";
  return next.startsWith("/sign-in") ? "/" : next;
}

function appPath(path: string | null): string | undefined {
  return path?.startsWith("/") && !path.startsWith("//") ? toAppPath(path) : undefined;
}

/** What a person typed as a path of the app, as browsers write it: one slash, then path, query and fragment. */
export function toAppPath(text: string): string {
  const bare = text.trim().replace(/^https?:\/\/[^/]+/, "");
  // Two slashes would begin another host, and a lone % is no address.
  const url = new URL(`/${bare.replace(/^[/\\]+/, "")}`.replace(/%(?![0-9a-f]{2})/gi, "%25"), "http://app.invalid");
  return url.pathname + url.search + url.hash;
}
