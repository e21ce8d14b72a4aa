// What all cases share: the client under test, raw sockets, and the controls of
// the server that client_test.go starts.
import assert from "node:assert/strict";
import WebSocket from "ws";

const pkg = process.env.CONVEX_PACKAGE ?? "convex";
export const url = process.env.CONVEX_URL;
export const version = process.env.CONVEX_VERSION;
export const { ConvexClient, ConvexHttpClient, BaseConvexClient } = await import(`${pkg}/browser`);
export const { ConvexReactClient } = await import(`${pkg}/react`);
export const { anyApi: api } = await import(`${pkg}/server`);
export const { ConvexError } = await import(`${pkg}/values`);

// How long a case waits: far more than it needs, as the machine may be busy.
const patience = 90_000;

const open = new Set();

const options = { webSocketConstructor: WebSocket, unsavedChangesWarning: false, logger: false, skipConvexDeploymentUrlCheck: true };

// client returns a subscribing client that afterAll closes.
export function client(extra = {}) {
  const c = new ConvexClient(url, { ...options, ...extra });
  open.add(c);
  return c;
}

// signedIn resolves to a client of a new guest.
export async function signedIn() {
  const { tokens } = await http().action(api.auth.signIn, { provider: "anonymous" });
  const c = client();
  await new Promise((done) => c.setAuth(async () => tokens.token, (ok) => ok && done()));
  return c;
}

export function reactClient(extra = {}) {
  const c = new ConvexReactClient(url, { ...options, ...extra });
  open.add(c);
  return c;
}

export function http() {
  return new ConvexHttpClient(url, { logger: false, skipConvexDeploymentUrlCheck: true });
}

export async function closeAll() {
  for (const c of open) await c.close();
  open.clear();
}

// watch collects the values of a query; next resolves when one satisfies the
// condition, and errors become entries too.
export function watch(c, query, args) {
  const values = [];
  const waiting = new Set();
  const push = (v) => {
    values.push(v);
    for (const w of [...waiting]) w();
  };
  const stop = c.onUpdate(query, args, push, (error) => push({ error }));
  return {
    values,
    stop,
    next(ok) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`no such value; got ${JSON.stringify(values.slice(-3))}`));
        }, patience);
        const check = () => {
          const found = values.find((v) => ok(v));
          if (found === undefined && !values.some((v) => v === undefined && ok(v))) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      });
    },
  };
}

// control asks the test server for something that happens to servers.
export async function control(what) {
  const r = await fetch(`${process.env.CONTROL_URL}/${what}`, { method: "POST" });
  assert.equal(r.status, 200, `${what}: ${r.status}`);
  return r.json();
}

// raw opens a socket that speaks frames.
export function raw(v = version, headers = {}) {
  const ws = new WebSocket(`${url.replace("http", "ws")}/api/${v}/sync`, { headers });
  const frames = [];
  const waiting = new Set();
  const wake = () => {
    for (const w of [...waiting]) w();
  };
  const s = {
    ws,
    frames,
    closed: new Promise((resolve) => ws.on("close", (code, reason) => resolve({ code, reason: String(reason) }))),
    opened: new Promise((resolve, reject) => {
      ws.on("open", resolve);
      ws.on("error", reject);
    }),
    send: (m) => ws.send(typeof m === "string" ? m : JSON.stringify(m)),
    hello: (extra = {}) =>
      s.send({ type: "Connect", sessionId: crypto.randomUUID(), connectionCount: 0, lastCloseReason: "InitialConnect", clientTs: Date.now(), ...extra }),
    frame(ok) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no such frame; got ${JSON.stringify(frames).slice(0, 500)}`)), patience);
        const check = () => {
          const i = frames.findIndex(ok);
          if (i < 0) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(frames.splice(0, i + 1)[i]);
        };
        waiting.add(check);
        check();
      });
    },
  };
  ws.on("message", (data, binary) => {
    assert.equal(binary, false, "frames are text");
    frames.push(JSON.parse(String(data)));
    wake();
  });
  return s;
}

export const zero = { querySet: 0, identity: 0, ts: "AAAAAAAAAAA=" };

// fails resolves to the error that a promise rejects with.
export async function fails(p) {
  try {
    await p;
  } catch (e) {
    return e;
  }
  assert.fail("it did not reject");
}

export const name = () => `n${Math.random().toString(36).slice(2)}`;
