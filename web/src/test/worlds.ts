import { addCommit, addProject, addRun, makeWorld, type World } from "./world";
import { refuse } from "./scripted";

const minute = 60_000;
const day = 24 * 60 * minute;

const demo = {
  demo: true,
  providers: ["demo"],
  model: { id: "demo", name: "Demo model" },
  google: false,
  limits: { projects: 3 },
  domain: "localhost:3210",
};

function full(world: World): World {
  const rooms = addProject(world, {
    name: "Room booking",
    _creationTime: Date.now() - 3 * day,
    deployment: { status: "deployed", name: "rooms", previewUrl: "http://rooms.localhost:3210" },
  });
  addCommit(world, rooms, { version: 11, _creationTime: Date.now() - 1.1 * day });
  const todo = addProject(world, { name: "Todo list", _creationTime: Date.now() - 2 * 60 * minute });
  addCommit(world, todo, { version: 2 });
  addRun(world, todo);
  return world;
}

/** Worlds to look at, by name. */
export const worlds: Record<string, () => World> = {
  signin: () => makeWorld({ user: null }),
  refused: () => {
    const world = makeWorld({ user: null });
    world.server.on("auth:signIn", () => new Error("[Request ID: 0f] Server Error\nUncaught Error: InvalidSecret"));
    return world;
  },
  first: () => makeWorld({ config: demo }),
  guest: () => makeWorld({ user: { _id: "users9", _creationTime: 0, isAnonymous: true } }),
  projects: () => full(makeWorld()),
  quota: () => {
    const world = full(makeWorld());
    addProject(world, {
      name: "Static page with a very long name that doesn't fit in the row at all, at no width",
      metadata: { templateSlug: "static-page" },
      sandbox: { status: "error", isInitialized: false, error: "no space left on device" },
    });
    return world;
  },
  loading: () => {
    const world = makeWorld();
    world.server.on("projects:listProjects", () => new Promise(() => {}));
    return world;
  },
  offline: () => {
    const world = full(makeWorld());
    world.server.setLine(false);
    return world;
  },
  broken: () => {
    const world = full(makeWorld());
    world.server.on("projects:listTemplates", () => {
      throw refuse("internal", "the table is gone");
    });
    return world;
  },
};
