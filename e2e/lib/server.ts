// Starts, kills and restarts the real binary on a data folder of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
export const binary = process.env.SURGENT_BINARY ?? join(root, "bin/surgent");

export async function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once("error", fail);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      if (address === null || typeof address === "string") return fail(new Error("no port"));
      probe.close(() => done(address.port));
    });
  });
}

export async function waitFor(what: string, check: () => Promise<boolean>, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  let last: unknown;
  for (;;) {
    try {
      if (await check()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms${last ? `: ${String(last)}` : ""}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

export class Surgent {
  readonly url: string;
  readonly domain: string;
  private child: ChildProcess | undefined;
  private output = "";

  private constructor(
    readonly port: number,
    readonly data: string,
    private readonly env: Record<string, string>,
  ) {
    this.domain = `localhost:${port}`;
    this.url = `http://${this.domain}`;
  }

  // The variables of the host that would change what is under test are left out.
  static async start(env: Record<string, string> = {}): Promise<Surgent> {
    const server = new Surgent(await freePort(), await mkdtemp(join(tmpdir(), "surgent-e2e-")), env);
    await server.up();
    return server;
  }

  async up(): Promise<void> {
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(ANTHROPIC|OPENAI|DAYTONA|GOOGLE|CLOUDFLARE|CONVEX)_/.test(name)),
    );
    const child = spawn(binary, ["serve"], {
      cwd: this.data,
      env: {
        ...inherited,
        SURGENT_ADDR: `127.0.0.1:${this.port}`,
        SURGENT_DOMAIN: this.domain,
        SURGENT_DATA: this.data,
        ...this.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    let exited: number | null | undefined;
    const keep = (chunk: Buffer) => {
      this.output = (this.output + chunk.toString()).slice(-200_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("exit", (code) => {
      exited = code;
    });
    await waitFor("the server's /healthz", async () => {
      if (exited !== undefined) throw new Error(`the server exited with ${exited}:\n${this.output.slice(-2000)}`);
      const answer = await fetch(`http://127.0.0.1:${this.port}/healthz`, { headers: { host: this.domain } });
      return answer.ok;
    });
  }

  get log(): string {
    return this.output;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
  }

  kill9(): Promise<void> {
    return this.end("SIGKILL");
  }

  term(): Promise<void> {
    return this.end("SIGTERM");
  }

  // Stops the server, which stops its sandboxes, and removes what it made. A
  // server that was killed is started once more to do so: sandboxes outlive a
  // crash by design.
  async remove(): Promise<void> {
    if (this.child && (this.child.exitCode !== null || this.child.signalCode !== null)) await this.up();
    await this.term();
    await rm(this.data, { recursive: true, force: true });
  }
}
