// The sandbox engine as a process of its own, as an ordinary user's server
// uses it: the test can then talk to it too.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary, freePort, waitFor } from "./server.ts";

const key = "engine-key-of-the-tests";

export class Engine {
  private child: ChildProcess | undefined;

  private constructor(
    readonly url: string,
    private readonly port: number,
    private readonly data: string,
  ) {}

  static async start(): Promise<Engine> {
    const port = await freePort();
    const engine = new Engine(`http://127.0.0.1:${port}/api`, port, await mkdtemp(join(tmpdir(), "surgent-e2e-engine-")));
    await engine.up();
    return engine;
  }

  async up(): Promise<void> {
    const child = spawn(binary, ["sandbox", "serve", "--addr", `127.0.0.1:${this.port}`, "--api-key", key, "--data", this.data], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child = child;
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4000);
    });
    await waitFor(
      "the sandbox engine",
      async () => {
        if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}:\n${log}`);
        return (await this.call("GET", "/sandbox")).ok;
      },
      400_000, // the first start builds the base
    );
  }

  // Ends the engine; its sandboxes are saved, and are there again after up().
  async down(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await gone;
  }

  // What the server under test needs to use this engine.
  get env(): Record<string, string> {
    return { DAYTONA_API_KEY: key, DAYTONA_SERVER_URL: this.url };
  }

  call(method: string, path: string): Promise<Response> {
    return fetch(this.url + path, { method, headers: { authorization: `Bearer ${key}` } });
  }

  // Puts every running sandbox to sleep.
  async sleep(): Promise<void> {
    const answer = (await (await this.call("GET", "/sandbox")).json()) as { items?: { id: string; state: string }[] } | { id: string; state: string }[];
    for (const box of Array.isArray(answer) ? answer : (answer.items ?? [])) {
      if (box.state !== "started") continue;
      const stopped = await this.call("POST", `/sandbox/${box.id}/stop`);
      if (!stopped.ok) throw new Error(await stopped.text());
    }
  }

  async remove(): Promise<void> {
    await this.down();
    await rm(this.data, { recursive: true, force: true });
  }
}
