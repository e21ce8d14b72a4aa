// The scripted model server, and the small language in which tests write what
// the model says.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

export interface Block {
  text?: string;
  thinking?: string;
  tool?: string;
  input?: unknown;
}
export interface Fault {
  kind: "status" | "cut" | "sse_error" | "html" | "no_stop" | "stall";
  status?: number;
  after_deltas?: number;
  message?: string;
}
export interface Answer {
  blocks: Block[];
  first_delay_ms?: number;
  delay_ms?: number;
  chunk_bytes?: number;
  faults?: Fault[];
  stop_reason?: string;
}
export interface Rule {
  prompt: string;
  answers: Answer[];
}

export const key = "test-key";

export class ModelServer {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<ModelServer> {
    const child = spawn(join(root, "bin/modelserver"), [], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout });
    const address = await new Promise<string>((done, fail) => {
      lines.once("line", done);
      child.once("exit", (code) => fail(new Error(`modelserver exited with ${code}`)));
    });
    return new ModelServer(`http://${address}`, child);
  }

  // What the server under test needs to talk to this one.
  get env(): Record<string, string> {
    return { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: this.url };
  }

  async script(rules: Rule[], options: { key?: string } = {}): Promise<void> {
    const answer = await fetch(`${this.url}/control/script`, { method: "PUT", body: JSON.stringify({ rules, ...options }) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async requests(): Promise<number> {
    return (await (await fetch(`${this.url}/control/requests`)).json()) as number;
  }

  // What the strict server refused: anything here is a defect of the agent.
  async refusals(): Promise<string[]> {
    return (await (await fetch(`${this.url}/control/refusals`)).json()) as string[];
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGTERM");
    await gone;
  }
}

export const say = (text: string, rest: Partial<Answer> = {}): Answer => ({ blocks: [{ text }], ...rest });
export const call = (tool: string, input: unknown, text?: string, rest: Partial<Answer> = {}): Answer => ({
  blocks: [...(text ? [{ text }] : []), { tool, input }],
  ...rest,
});
