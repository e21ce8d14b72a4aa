import type { FileEntry, MessageRow, Project, Run, StreamHead } from "@/sync";
import { addCommit, addProject, addRun, makeWorld, type World } from "./world";

/** Worlds of the project page, each in one state that people see. */

type Raw = unknown;
const minute = 60_000;
let n = 0;

/** Adds rows of one run, two seconds apart, the last one `ago` ms before now. */
export function addRows(world: World, run: Run, raws: Raw[], ago = 0): MessageRow[] {
  const end = Date.now() - ago;
  const rows = raws.map((raw, i): MessageRow => ({
    _id: i === 0 && typeof raw === "string" ? run.promptId : `rows${run._id}.${++n}`,
    _creationTime: end - (raws.length - 1 - i) * 2000,
    sessionId: run.sessionId,
    raw,
    runId: run._id,
  }));
  world.rows = [...world.rows, ...rows];
  return rows;
}

let message = 0;
export const says = (...content: Raw[]): Raw => ({
  type: "assistant",
  message: {
    id: `msg_${++message}`,
    role: "assistant",
    content: content.map((c) => (typeof c === "string" ? { type: "text", text: c } : c)),
    stop_reason: "end_turn",
  },
});
export const call = (id: string, name: string, input: Record<string, unknown>): Raw => ({
  type: "tool_use",
  id,
  name,
  input,
});
export const result = (id: string, content: string, data: unknown = undefined, isError = false): Raw => ({
  type: "user",
  message: { role: "user", content: [{ type: "tool_result", tool_use_id: id, content, is_error: isError }] },
  tool_use_result: data,
});
export const outcome = (change: Record<string, unknown> = {}): Raw => ({
  type: "result",
  subtype: "success",
  is_error: false,
  duration_ms: 48_200,
  num_turns: 12,
  steps: 12,
  total_cost_usd: 0.0843,
  usage: { input_tokens: 1900, cache_read_input_tokens: 28_100, cache_creation_input_tokens: 400, output_tokens: 810 },
  ...change,
});

const app = `import { useState } from "react";

export default function App() {
  const [items, setItems] = useState<Item[]>(load);
  return <main className="list">{items.map((i) => <Row key={i.id} item={i} />)}</main>;
}
`;
const patch = {
  structuredPatch: [
    {
      oldStart: 4,
      oldLines: 3,
      newStart: 4,
      newLines: 4,
      lines: [" .list {", "-  width: 640px;", "+  width: min(640px, 100%);", "+  padding-inline: 16px;", " }"],
    },
  ],
};
const read = (id: string, path: string, lines = 86) =>
  [
    says(call(id, "Read", { file_path: `/workspace/${path}` })),
    result(id, app, { file: { filePath: path, content: app, numLines: lines, startLine: 1, totalLines: lines } }),
  ] as const;
const edit = (id: string, path: string) =>
  [says(call(id, "Edit", { file_path: `/workspace/${path}` })), result(id, "Updated.", patch)] as const;
const bash = (id: string, command: string, stdout: string) =>
  [
    says(call(id, "Bash", { command })),
    result(id, stdout, { stdout, stderr: "", exitCode: 0, durationMs: 4100 }),
  ] as const;
const todos = (...status: string[]) =>
  says(
    call(`todo${++message}`, "TodoWrite", {
      todos: ["Fluid width", "Dark theme by media query", "Check at 375 px", "Lint"].map((content, i) => ({
        content,
        status: status[i],
      })),
    }),
  );

const prompt1 = "Build a todo list. Keep items after a reload, and let me filter by done.";
const prompt2 = "Make it work on my phone, and add a dark theme.";

/** The first run, ended well. */
function firstRun(world: World, project: Project): void {
  const run = addRun(world, project, {
    status: "succeeded",
    startedAt: Date.now() - 12 * minute,
    queuedAt: Date.now() - 12 * minute,
    endedAt: Date.now() - 11 * minute,
    promptId: "rowsfirst",
  });
  const rows = addRows(
    world,
    run,
    [
      prompt1,
      says("I added the list with a filter bar. Items are kept in `localStorage`, so they survive a reload."),
      ...read("r1", "src/App.tsx"),
      ...read("r2", "src/main.tsx", 12),
      ...edit("e1", "src/App.tsx"),
      ...edit("e2", "src/index.css"),
      ...edit("e3", "src/list/Filter.tsx"),
      ...bash("b1", "bun run lint", "no problems"),
      outcome(),
    ],
    11 * minute,
  );
  addCommit(world, project, {
    message: "Add todo list with filters",
    messageId: rows.at(-1)?._id,
    version: 1,
    sha: "3fa9c1e0b72d4a1c5",
  });
}

function base(change: Partial<Project> = {}): { world: World; project: Project } {
  const world = makeWorld();
  const project = addProject(world, { name: "Todo list", ...change });
  world.sessions[0]!.title = "First version";
  world.server
    .on("projects:previewLink", () => ({ url: previewPage }))
    .on("files:listFiles", (args) => listing[String(args.path)] ?? [])
    .on("files:getFileTree", () =>
      listing["."]!.map((e) => ({ ...e, children: e.isDir ? listing[e.name] : undefined })),
    )
    .on("files:getFileDetails", (args) => ({
      name: "",
      path: args.path,
      isDir: false,
      size: String(args.path).endsWith(".png") ? 2_100_000 : app.length,
    }))
    .on("files:readFile", (args) =>
      String(args.path).endsWith(".png")
        ? { content: "AAAA", encoding: "base64" }
        : { content: app.repeat(12), encoding: "utf8" },
    );
  return { world, project };
}

const entry = (name: string, isDir = false): FileEntry => ({ name, path: name, isDir, size: 120 });
const listing: Record<string, FileEntry[]> = {
  ".": [
    entry("src", true),
    entry("public", true),
    entry("node_modules", true),
    entry("index.html"),
    entry("package.json"),
    entry("wrangler.jsonc"),
    entry("README.md"),
  ],
  src: [entry("App.tsx"), entry("index.css"), entry("list", true), entry("main.tsx")],
  public: [entry("icon.png")],
};

const previewPage = `data:text/html,${encodeURIComponent(
  `<body style="font:16px system-ui;max-width:480px;margin:48px auto;padding:0 16px"><h1>Today</h1><p>Order paint samples<p>Call the electrician<p>Measure the hallway`,
)}`;

function live(world: World, run: Run, change: Partial<StreamHead>): void {
  world.heads[run._id] = {
    messageId: "msg_live",
    blockIndex: 0,
    kind: "text",
    closed: 0,
    tail: "",
    blocks: [{ index: 0, kind: "text", closed: 0 }],
    startedAt: Date.now() - 2000,
    ...change,
  };
}

function working(change: Partial<Run> = {}, rows: Raw[] = []): { world: World; project: Project; run: Run } {
  const { world, project } = base();
  firstRun(world, project);
  const run = addRun(world, project, { promptId: "rowssecond", ...change });
  addRows(world, run, [prompt2, ...rows]);
  return { world, project, run };
}

const started = () => [
  says("The layout has a fixed width, so I start there, then add the theme with a media query."),
  todos("completed", "in_progress", "pending", "pending"),
  ...read("r9", "src/App.tsx"),
  ...edit("e9", "src/index.css"),
  todos("completed", "completed", "in_progress", "pending"),
];

export const projectWorlds: Record<string, () => World> = {
  "project-empty": () => base().world,
  "project-preparing": () => {
    const now = Date.now();
    const { world, project } = base({
      sandbox: {
        status: "starting",
        isInitialized: false,
        steps: [
          { id: "create", label: "Create sandbox", startedAt: now - 3400, endedAt: now - 2100 },
          { id: "copy", label: "Copy template", startedAt: now - 2100 },
          { id: "dev", label: "Start dev server" },
        ],
      },
    });
    const run = addRun(world, project, { status: "queued", startedAt: undefined, position: 0, promptId: "rowsq" });
    addRows(world, run, [prompt1]);
    return world;
  },
  "project-thinking": () => working({ activity: { kind: "thinking", startedAt: Date.now() - 4000 } }).world,
  "project-streaming": () => {
    const { world, run } = working({}, started());
    live(world, run, {
      tail: "The theme follows the system. Next I check the page at **375 px**, since the filter bar is the widest part",
    });
    return world;
  },
  "project-steps-open": () => {
    const { world } = working({}, [...started(), says(call("b9", "Bash", { command: "bun run lint" }))]);
    world.server.on("runs:toolOutput", () => ({
      tail: "\u001b[32m✓\u001b[0m src/App.tsx\n\u001b[32m✓\u001b[0m src/main.tsx\nchecking src/list/Filter.tsx",
    }));
    return world;
  },
  "project-many-steps": () =>
    working({}, [
      ...started(),
      ...[1, 2, 3, 4, 5].flatMap((i) => read(`m${i}`, `src/list/Part${i}.tsx`)),
      says(call("b9", "Bash", { command: "bun run lint" })),
    ]).world,
  "project-queue": () => {
    const { world, project } = working({}, started());
    for (const [i, text] of [
      "Then add a licence file",
      "And write the README, with a picture of the list and how to start it",
    ].entries()) {
      const run = addRun(world, project, {
        status: "queued",
        startedAt: undefined,
        queuedAt: Date.now() + i,
        position: i,
        promptId: `rowsq${i}`,
      });
      addRows(world, run, [text]);
    }
    return world;
  },
  "project-done": () => {
    const { world, project } = base();
    firstRun(world, project);
    const run = addRun(world, project, { status: "succeeded", promptId: "rowssecond", endedAt: Date.now() });
    const rows = addRows(world, run, [
      prompt2,
      ...started(),
      ...bash("b8", "bun run lint", "no problems"),
      says(`Done. It fits at 375 px and follows the system's theme.

| Width | Before | Now |
|---|---|---|
| 375 | cut off | fits |
| 1440 | 640 px | 640 px |

- The list is \`min(640px, 100%)\` wide, see \`src/App.tsx:4\`.
- The colours come from *one* media query, as [MDN](https://developer.mozilla.org/docs) describes.

\`\`\`css
.list {
  width: min(640px, 100%); /* fits phones */
}
\`\`\`

![a picture](https://evil.example/track.png?x=1) <script>alert(1)</script>`),
      outcome(),
    ]);
    addCommit(world, project, {
      message: "Fit phones and follow the system's theme",
      messageId: rows.at(-1)?._id,
      version: 2,
      sha: "b81d04a9e11f2",
      stats: { filesChanged: 2, additions: 24, deletions: 3 },
    });
    return world;
  },
  "project-failed": () => {
    const { world, project } = base();
    firstRun(world, project);
    const run = addRun(world, project, {
      status: "failed",
      promptId: "rowssecond",
      error: { code: "key_refused", message: "The model key was refused. Check ANTHROPIC_API_KEY." },
    });
    addRows(world, run, [
      prompt2,
      outcome({ subtype: "error_api", is_error: true, duration_ms: 900, steps: 0, total_cost_usd: 0, usage: {} }),
    ]);
    return world;
  },
  "project-failing-command": () =>
    working({}, [
      ...started(),
      says(call("bx", "Bash", { command: "bun run build" })),
      result(
        "bx",
        "Exit code 1\nsrc/Calendar.tsx(14,7): error TS2322\nType 'string' is not assignable to type 'Date'.",
        {
          stdout: "",
          stderr:
            "src/Calendar.tsx(14,7): \u001b[31merror\u001b[0m TS2322\nType 'string' is not assignable to type 'Date'.",
          exitCode: 1,
          durationMs: 4100,
        },
        true,
      ),
      says(call("ex", "Edit", { file_path: "/workspace/src/App.tsx" })),
      result("ex", "String to replace not found in file.\nString: no such text", undefined, true),
      says(call("gx", "Grep", { pattern: "DateRange", path: "/workspace/src" })),
      result("gx", "src/App.tsx\nsrc/list/Filter.tsx\nsrc/main.tsx"),
      says(
        { type: "thinking", thinking: "The type of the date is wrong." },
        "The date is a string there. I change its type.",
      ),
    ]).world,
  "project-retry": () =>
    working(
      { status: "waiting", waiting: { until: Date.now() + 8000, attempt: 2, of: 6, reason: "The model is busy." } },
      started(),
    ).world,
  "project-stopped": () => {
    const { world, project } = base();
    firstRun(world, project);
    const run = addRun(world, project, { status: "cancelled", promptId: "rowssecond" });
    addRows(world, run, [
      prompt2,
      ...started(),
      {
        type: "assistant",
        cut_off: true,
        message: {
          id: "msg_cut",
          content: [{ type: "text", text: "Now I check the page at 375 px, and" }],
          stop_reason: null,
        },
      },
      outcome({ subtype: "error_cancelled", is_error: true, duration_ms: 12_000, total_cost_usd: 0.02 }),
    ]);
    return world;
  },
  "project-asleep": () => {
    const { world, project } = base({ sandbox: { status: "stopped", isInitialized: true } });
    firstRun(world, project);
    return world;
  },
  "project-waking": () =>
    base({ sandbox: { status: "starting", isInitialized: true, wakingSince: Date.now() - 11_000 } }).world,
  "sandbox-failed": () =>
    base({ sandbox: { status: "error", isInitialized: false, error: "No space left on the disk of the server." } })
      .world,
  "preview-error": () => {
    const { world, project } = base({
      sandbox: {
        status: "started",
        isInitialized: true,
        devServer: {
          status: "running",
          error:
            '[vite] Internal server error: Failed to resolve import "./Calendar"\nsrc/App.tsx:3:25\nDoes the file exist?',
        },
      },
    });
    firstRun(world, project);
    return world;
  },
  "preview-stopped": () =>
    base({
      sandbox: {
        status: "started",
        isInitialized: true,
        devServer: {
          status: "exited",
          exitCode: 1,
          lastLines: ["$ vite --port 3000", "Error: Cannot find module 'zod'"],
        },
      },
    }).world,
  "deploy-form": () => {
    const { world, project } = base();
    firstRun(world, project);
    world.server.on("deployments:checkName", (args) => ({
      ok: args.name !== "taken",
      name: args.name,
      url: "",
      reason: args.name === "taken" ? "taken" : undefined,
    }));
    return world;
  },
  "deploy-running": () => {
    const { world, project } = base();
    firstRun(world, project);
    addDeployment(world, project, "uploading");
    return world;
  },
  "deploy-failed": () => {
    const { world, project } = base();
    firstRun(world, project);
    addDeployment(world, project, "deployed");
    addDeployment(world, project, "build_failed");
    return world;
  },
  "deploy-live": () => {
    const { world, project } = base();
    firstRun(world, project);
    addDeployment(world, project, "deployed");
    return world;
  },
  "session-long": () => {
    const { world, project } = base();
    for (let i = 0; i < 60; i++) {
      const at = Date.now() - (70 - i) * minute;
      const run = addRun(world, project, {
        status: "succeeded",
        promptId: `rowslong${i}`,
        queuedAt: at,
        startedAt: at,
        endedAt: at + 30_000,
      });
      const rows = addRows(
        world,
        run,
        [
          `Prompt ${i + 1}: ${prompt2}`,
          ...started(),
          ...read(`x${i}`, "src/App.tsx"),
          ...edit(`y${i}`, "src/App.tsx"),
          says("All of it **works** now. ".repeat(8)),
          outcome(),
        ],
        (70 - i) * minute - 30_000,
      );
      addCommit(world, project, { message: `Change ${i + 1}`, messageId: rows.at(-1)?._id, version: i + 1 });
    }
    pages(world);
    return world;
  },
};

/** A long session whose newest run works: for measuring what a piece of live text costs. */
projectWorlds["session-streaming"] = () => {
  const world = projectWorlds["session-long"]!();
  const run = addRun(world, world.projects[0]!, { promptId: "rowsnow" });
  addRows(world, run, [prompt2]);
  return world;
};

/** Rows come in pages, as the server sends them. */
function pages(world: World): void {
  world.server.on("sessions:listMessagesPage", (args) => {
    const { numItems, cursor } = args.paginationOpts as { numItems: number; cursor: string | null };
    const all = world.rows.filter((r) => r.sessionId === args.sessionId).toReversed();
    const from = Number(cursor ?? 0);
    return {
      page: all.slice(from, from + numItems),
      isDone: from + numItems >= all.length,
      continueCursor: String(from + numItems),
    };
  });
}

function addDeployment(world: World, project: Project, status: "uploading" | "build_failed" | "deployed"): void {
  const now = Date.now();
  const failed = status === "build_failed";
  const done = status === "deployed";
  world.deployments.unshift({
    _id: `deployments${world.deployments.length + 1}`,
    _creationTime: now,
    projectId: project._id,
    name: "todo-list",
    status,
    startedAt: now - 9000,
    endedAt: failed || done ? now : undefined,
    log:
      "$ bun run build\n$ vite build\ntransforming…\n" +
      (failed
        ? "src/Calendar.tsx(14,7): error TS2322: Type 'string' is not assignable to type 'Date'.\nerror: script \"build\" exited with code 1"
        : "✓ 34 modules transformed."),
    error: failed ? "bun run build ended with exit code 1" : undefined,
    url: done ? "http://todo-list.localhost:3210" : undefined,
    checkpoint: 1,
    steps: [
      { id: "queued", label: "Queued", startedAt: now - 9000, endedAt: now - 8800 },
      { id: "build", label: "Build", startedAt: now - 8800, endedAt: failed ? now : now - 2600, failed },
      { id: "collect", label: "Collect", ...(failed ? {} : { startedAt: now - 2600, endedAt: now - 2400 }) },
      {
        id: "upload",
        label: "Upload",
        ...(failed ? {} : { startedAt: now - 2400, endedAt: done ? now - 900 : undefined }),
      },
      { id: "verify", label: "Verify", ...(done ? { startedAt: now - 900, endedAt: now } : {}) },
    ],
  });
}
