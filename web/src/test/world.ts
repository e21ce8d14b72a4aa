import type {
  ClientConfig,
  Commit,
  Deployment,
  MessageRow,
  Project,
  Run,
  Session,
  StreamHead,
  Template,
  User,
} from "@/sync";
import { refuse, ScriptedServer } from "./scripted";

/** What a scripted server knows. Change it, then call `server.changed()`. */
export type World = {
  server: ScriptedServer;
  user: User | null;
  config: ClientConfig;
  templates: Template[];
  projects: Project[];
  sessions: Session[];
  rows: MessageRow[];
  runs: Run[];
  commits: Commit[];
  deployments: Deployment[];
  heads: Record<string, StreamHead | null>;
  chunks: Record<string, string>;
};

const minute = 60_000;

/** A server with one person, two templates and nothing else, who is signed in unless told otherwise. */
export function makeWorld(change: Partial<World> = {}): World {
  const server = new ScriptedServer();
  const world: World = {
    server,
    user: { _id: "users1", _creationTime: 0, email: "mara.klein@example.com" },
    config: {
      demo: false,
      providers: ["anthropic"],
      model: { id: "claude-sonnet", name: "Sonnet" },
      google: false,
      limits: { projects: 3 },
      domain: "localhost:3210",
    },
    templates: [
      {
        _id: "templates1",
        slug: "web-app",
        name: "Web app",
        description: "React, TypeScript, Tailwind. Deploys as a Worker.",
      },
      { _id: "templates2", slug: "static-page", name: "Static page", description: "HTML and CSS, no build step." },
    ].map((each) => ({ _creationTime: 0, ...each })),
    projects: [],
    sessions: [],
    rows: [],
    runs: [],
    commits: [],
    deployments: [],
    heads: {},
    chunks: {},
    ...change,
  };
  answer(world);
  if (world.user !== null) server.signIn();
  return world;
}

/** A project that is up, with one session. */
export function addProject(world: World, change: Partial<Project> = {}): Project {
  const n = world.projects.length + 1;
  const project: Project = {
    _id: `projects${n}`,
    _creationTime: Date.now() - n * 60 * minute,
    userId: world.user?._id ?? "users1",
    name: `Project ${n}`,
    sandboxId: `sandbox${n}`,
    sandbox: { status: "started", isInitialized: true, devServer: { status: "running" } },
    metadata: { templateSlug: "web-app" },
    ...change,
  };
  world.projects.unshift(project);
  world.sessions.unshift({
    _id: `sessions${n}`,
    _creationTime: project._creationTime,
    projectId: project._id,
    title: "New session",
  });
  return project;
}

/** A checkpoint of a project, the newest. */
export function addCommit(world: World, project: Project, change: Partial<Commit> = {}): Commit {
  const n = world.commits.length + 1;
  const commit: Commit = {
    _id: `commits${n}`,
    _creationTime: Date.now() - 4 * minute,
    sha: `3fa9c1e${n}0b72d4a1c5`,
    sessionId: world.sessions.find((session) => session.projectId === project._id)?._id ?? "sessions1",
    projectId: project._id,
    message: "Add todo list",
    version: world.commits.filter((each) => each.projectId === project._id).length + 1,
    stats: { filesChanged: 5, additions: 142, deletions: 18 },
    ...change,
  };
  world.commits.unshift(commit);
  return commit;
}

/** A run of a project's newest session. */
export function addRun(world: World, project: Project, change: Partial<Run> = {}): Run {
  const n = world.runs.length + 1;
  const run: Run = {
    _id: `runs${n}`,
    _creationTime: Date.now(),
    sessionId: world.sessions.find((session) => session.projectId === project._id)?._id ?? "sessions1",
    projectId: project._id,
    promptId: `rows${n}`,
    status: "running",
    mode: "code",
    model: world.config.model.id,
    queuedAt: Date.now() - 21_000,
    startedAt: Date.now() - 21_000,
    step: 2,
    spent: { inputTokens: 0, outputTokens: 0, cacheReadInputTokens: 0, cacheCreationInputTokens: 0 },
    ...change,
  };
  world.runs.unshift(run);
  return run;
}

function answer(world: World): void {
  const { server } = world;
  const mine = <T>(value: T, none: T): T => (server.signedIn ? value : none);
  const project = (args: Record<string, unknown>) => {
    const found = world.projects.find((each) => each._id === args.projectId);
    if (!server.signedIn) throw refuse("unauthenticated", "Please sign in again.");
    if (found === undefined) throw refuse("not_found", "There is no such project, or it isn't yours.");
    return found;
  };
  const change = (id: unknown, fields: Partial<Project>) => {
    world.projects = world.projects.map((each) => (each._id === id ? { ...each, ...fields } : each));
    return null;
  };
  const ofProject = <T extends { projectId: string }>(list: T[], id: unknown) => list.filter((each) => each.projectId === id);
  const ofSession = <T extends { sessionId: string }>(list: T[], id: unknown) => list.filter((each) => each.sessionId === id);

  server
    .on("auth:signIn", (args) => {
      world.user ??= { _id: "users1", _creationTime: 0, email: "mara.klein@example.com" };
      if (args.provider === "anonymous") world.user = { _id: "users2", _creationTime: 0, isAnonymous: true };
      return { tokens: { token: "token", refreshToken: "refresh" } };
    })
    .on("auth:signOut", () => null)
    .on("auth:loggedInUser", () => mine(world.user, null))
    .on("auth:isAuthenticated", () => server.signedIn)
    .on("config:client", () => world.config)
    .on("projects:listTemplates", () => mine(world.templates, []))
    .on("projects:listProjects", () => mine(world.projects, []))
    .on("projects:getProject", (args) => mine(world.projects.find((each) => each._id === args.projectId) ?? null, null))
    .on("projects:createProject", (args) => {
      if (world.projects.length >= world.config.limits.projects) throw refuse("quota", "Project limit reached.");
      const template = world.templates.find((each) => each._id === args.templateId) ?? world.templates[0];
      return addProject(world, {
        name: String(args.name),
        _creationTime: Date.now(),
        sandbox: { status: "pending", isInitialized: false },
        metadata: { templateSlug: template?.slug },
      })._id;
    })
    .on("projects:renameProject", (args) => change(project(args)._id, { name: String(args.name) }))
    .on("projects:deleteProject", (args) => {
      const gone = project(args)._id;
      world.projects = world.projects.filter((each) => each._id !== gone);
      return null;
    })
    .on("projects:activateProject", (args) => project(args))
    .on("projects:wakeSandbox", () => ({ scheduled: true }))
    .on("projects:setPublic", (args) => change(project(args)._id, { settings: { public: Boolean(args.public) } }))
    .on("projects:previewLink", () => ({ url: "about:blank" }))
    .on("projects:deployProject", () => ({ scheduled: true }))
    .on("sessions:listSessionsByProject", (args) => mine(ofProject(world.sessions, args.projectId), []))
    .on("sessions:getSession", (args) => mine(world.sessions.find((each) => each._id === args.sessionId) ?? null, null))
    .on("sessions:listMessagesBySession", (args) => mine(ofSession(world.rows, args.sessionId), []))
    .on("sessions:listMessagesPage", (args) => ({
      page: mine(ofSession(world.rows, args.sessionId), []).toReversed(),
      isDone: true,
      continueCursor: "end",
    }))
    .on("runs:listBySession", (args) => mine(ofSession(world.runs, args.sessionId), []))
    .on("runs:streamHead", (args) => world.heads[String(args.runId)] ?? null)
    .on("runs:streamChunk", (args) => world.chunks[`${args.runId}/${args.blockIndex}/${args.n}`] ?? null)
    .on("runs:toolOutput", () => null)
    .on("commits:listByProject", (args) => mine(ofProject(world.commits, args.projectId), []))
    .on("commits:listBySession", (args) => mine(ofSession(world.commits, args.sessionId), []))
    .on("deployments:listByProject", (args) => mine(ofProject(world.deployments, args.projectId), []))
    .on("deployments:checkName", (args) => ({
      ok: true,
      name: String(args.name),
      url: `http://${String(args.name)}.${world.config.domain}`,
    }));
}
