import {
  type DefaultFunctionArgs,
  type FunctionReference,
  makeFunctionReference,
  type PaginationOptions,
  type PaginationResult,
} from "convex/server";
import type {
  ClientConfig,
  Commit,
  Deployment,
  FileContent,
  FileEntry,
  FileNode,
  Id,
  MessageRow,
  Mode,
  NameCheck,
  Project,
  Run,
  Session,
  StreamHead,
  Template,
  User,
} from "./types";

type None = Record<string, never>;
type OfProject = { projectId: Id<"projects"> };
type OfSession = { sessionId: Id<"sessions"> };

function query<Args extends DefaultFunctionArgs, Result>(name: string) {
  return makeFunctionReference<"query", Args, Result>(name) as FunctionReference<"query", "public", Args, Result>;
}

function mutation<Args extends DefaultFunctionArgs, Result>(name: string) {
  return makeFunctionReference<"mutation", Args, Result>(name) as FunctionReference<"mutation", "public", Args, Result>;
}

function action<Args extends DefaultFunctionArgs, Result>(name: string) {
  return makeFunctionReference<"action", Args, Result>(name) as FunctionReference<"action", "public", Args, Result>;
}

/** Every function of the server that the workspace calls, under the server's own names. */
export const api = {
  auth: {
    isAuthenticated: query<None, boolean>("auth:isAuthenticated"),
    loggedInUser: query<None, User | null>("auth:loggedInUser"),
  },
  config: {
    client: query<None, ClientConfig>("config:client"),
  },
  projects: {
    listTemplates: query<None, Template[]>("projects:listTemplates"),
    listProjects: query<None, Project[]>("projects:listProjects"),
    getProject: query<OfProject, Project | null>("projects:getProject"),
    getProjectStats: query<OfProject, { sessionCount: number; commitCount: number } | null>("projects:getProjectStats"),
    createProject: mutation<{ name: string; templateId?: Id<"templates"> }, Id<"projects">>("projects:createProject"),
    renameProject: mutation<OfProject & { name: string }, null>("projects:renameProject"),
    deleteProject: mutation<OfProject, null>("projects:deleteProject"),
    setPublic: mutation<OfProject & { public: boolean }, null>("projects:setPublic"),
    activateProject: mutation<OfProject, Project>("projects:activateProject"),
    wakeSandbox: mutation<OfProject, { scheduled: true }>("projects:wakeSandbox"),
    deployProject: mutation<OfProject & { deployName?: string }, { scheduled: true }>("projects:deployProject"),
    previewLink: action<OfProject & { port?: number; path?: string }, { url: string }>("projects:previewLink"),
  },
  sessions: {
    createSession: mutation<OfProject & { title?: string }, Id<"sessions">>("sessions:createSession"),
    getSession: query<OfSession, Session | null>("sessions:getSession"),
    listSessionsByProject: query<OfProject, Session[]>("sessions:listSessionsByProject"),
    renameSession: mutation<OfSession & { title: string }, null>("sessions:renameSession"),
    deleteSession: mutation<OfSession, null>("sessions:deleteSession"),
    listMessagesBySession: query<OfSession & { limit?: number }, MessageRow[]>("sessions:listMessagesBySession"),
    /** Newest first. */
    listMessagesPage: query<OfSession & { paginationOpts: PaginationOptions }, PaginationResult<MessageRow>>(
      "sessions:listMessagesPage",
    ),
    createMessageAndRunAgent: mutation<
      OfProject & OfSession & { prompt: string; model?: string; mode?: Mode },
      { sessionId: Id<"sessions"> }
    >("sessions:createMessageAndRunAgent"),
    stopAgent: mutation<OfSession, null>("sessions:stopAgent"),
  },
  runs: {
    listBySession: query<OfSession, Run[]>("runs:listBySession"),
    streamHead: query<{ runId: Id<"runs"> }, StreamHead | null>("runs:streamHead"),
    streamChunk: query<{ runId: Id<"runs">; blockIndex: number; n: number }, string | null>("runs:streamChunk"),
    toolOutput: query<{ runId: Id<"runs">; toolUseId: string }, { tail: string } | null>("runs:toolOutput"),
  },
  commits: {
    listBySession: query<OfSession, Commit[]>("commits:listBySession"),
    listByProject: query<OfProject, Commit[]>("commits:listByProject"),
  },
  deployments: {
    listByProject: query<OfProject, Deployment[]>("deployments:listByProject"),
    checkName: query<OfProject & { name: string }, NameCheck>("deployments:checkName"),
    appLog: action<OfProject, { log: string }>("deployments:appLog"),
  },
  files: {
    listFiles: action<OfProject & { path?: string }, FileEntry[]>("files:listFiles"),
    getFileDetails: action<OfProject & { path: string }, FileEntry>("files:getFileDetails"),
    getFileTree: action<OfProject & { path?: string; depth?: number; maxEntries?: number }, FileNode[]>(
      "files:getFileTree",
    ),
    readFile: action<OfProject & { path: string; as?: "text" | "base64"; maxBytes?: number }, FileContent>(
      "files:readFile",
    ),
  },
};
