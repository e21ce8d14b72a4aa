// Vite plugin for the worker in wrangler.jsonc's "main".
//
// Build: dist/index.js is the worker in one file, dist/client holds the page.
// Dev: requests that match assets.run_worker_first are answered by the worker.
// It runs inside Vite's own Node process, so there is nothing to start; what
// only the Workers runtime has (cloudflare:* imports, KV, D1, Durable Objects,
// caches, WebSocketPair) is not there in dev.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Reads a file of JSON with comments and trailing commas. */
function readJSONC(name) {
  const keepStrings = (pattern) => new RegExp(`("(?:\\\\.|[^"\\\\])*")|${pattern}`, "g");
  const plain = readFileSync(name, "utf8")
    .replace(keepStrings("\\/\\/[^\\n]*|\\/\\*[^]*?\\*\\/"), (_, string) => string ?? "")
    .replace(keepStrings(",(?=\\s*[}\\]])"), (_, string) => string ?? "");
  try {
    return JSON.parse(plain);
  } catch (error) {
    throw new Error(`${name} cannot be read: ${error.message}`, { cause: error });
  }
}

/** Returns a test for the patterns of run_worker_first; one with "!" wins. */
function matcher(patterns) {
  const compile = (glob) =>
    new RegExp(`^${glob.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`);
  const yes = patterns.filter((glob) => !glob.startsWith("!")).map(compile);
  const no = patterns.filter((glob) => glob.startsWith("!")).map((glob) => compile(glob.slice(1)));
  return (path) => yes.some((re) => re.test(path)) && !no.some((re) => re.test(path));
}

function toRequest(req, origin) {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    if (value !== undefined && !name.startsWith(":")) headers.set(name, String(value));
  }
  const hasBody = req.method !== "GET" && req.method !== "HEAD";
  return new Request(new URL(req.originalUrl ?? req.url, origin), {
    method: req.method,
    headers,
    body: hasBody ? Readable.toWeb(req) : undefined,
    duplex: hasBody ? "half" : undefined,
    redirect: "manual",
  });
}

async function send(response, res) {
  res.statusCode = response.status;
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") res.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) res.setHeader("set-cookie", cookies);
  if (response.body === null) res.end();
  else await pipeline(Readable.fromWeb(response.body), res);
}

export function worker() {
  const config = readJSONC("wrangler.jsonc");
  const entry = resolve(config.main);
  const patterns = config.assets?.run_worker_first;
  const wantsWorker = matcher(patterns === true ? ["/*"] : Array.isArray(patterns) ? patterns : []);
  const assetsBinding = config.assets?.binding;
  // A request that the worker itself makes for an asset carries this mark, so
  // that it goes to Vite and not round in a circle.
  const mark = randomUUID();

  return {
    name: "worker",

    config: (_, { command }) => ({
      builder: {
        async buildApp(builder) {
          // The worker first: its build empties dist.
          await builder.build(builder.environments.worker);
          await builder.build(builder.environments.client);
        },
      },
      environments: {
        client: { build: { outDir: "dist/client" } },
        worker: {
          consumer: "server",
          resolve: {
            conditions: ["workerd", "worker", "module", "browser"],
            // One file has all packages in it; dev leaves them to Node.
            noExternal: command === "build" ? true : undefined,
          },
          build: {
            outDir: "dist",
            emptyOutDir: true,
            copyPublicDir: false,
            target: "es2024",
            ssr: true,
            rolldownOptions: {
              input: entry,
              external: [/^node:/, /^cloudflare:/],
              output: { format: "es", entryFileNames: "index.js", codeSplitting: false },
            },
          },
        },
      },
    }),

    configureServer(server) {
      // What deploys is what is served here: a change restarts the dev server.
      server.config.configFileDependencies.push(resolve("wrangler.jsonc"));
      if (patterns !== true && !patterns?.length) {
        server.config.logger.warn(
          'No request reaches the worker here: list its paths in "run_worker_first" in wrangler.jsonc, e.g. ["/api/*"].',
        );
      }

      async function answer(req, res) {
        const origin = `http://${req.headers.host ?? "localhost"}`;
        const env = { ...config.vars };
        if (assetsBinding) {
          env[assetsBinding] = {
            fetch: (input, init) => {
              const asked = new Request(input, init);
              const { pathname, search } = new URL(asked.url);
              asked.headers.set("x-worker-assets", mark);
              const { port } = server.httpServer.address();
              return fetch(new Request(`http://127.0.0.1:${port}${pathname}${search}`, asked));
            },
          };
        }
        const context = { waitUntil: (promise) => void promise, passThroughOnException() {} };
        const module = await server.environments.worker.runner.import(entry);
        await send(await module.default.fetch(toRequest(req, origin), env, context), res);
      }

      server.middlewares.use((req, res, next) => {
        const path = new URL(req.url, "http://localhost").pathname;
        if (req.headers["x-worker-assets"] === mark || !wantsWorker(path)) {
          next();
          return;
        }
        answer(req, res).catch((error) => {
          // The visitor has gone, as on every reload: nothing is wrong, and nobody waits.
          if (res.destroyed) return;
          server.config.logger.error(`Error in the worker at ${req.method} ${path}\n${error.stack ?? error}`);
          if (res.headersSent) {
            res.destroy();
            return;
          }
          res.statusCode = 500;
          res.setHeader("content-type", "text/plain; charset=utf-8");
          res.end(`Error in the worker: ${error.message ?? error}\n`);
        });
      });
    },
  };
}
