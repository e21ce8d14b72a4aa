// The React client of @convex-dev/auth, in jsdom, as a web app uses it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { JSDOM } from "jsdom";
import WebSocket from "ws";

const url = process.env.CONVEX_URL;
const dom = new JSDOM("<!doctype html><div id=root></div>", { url: process.env.SITE_URL });
Object.assign(globalThis, { window: dom.window, document: dom.window.document, localStorage: dom.window.localStorage, IS_REACT_ACT_ENVIRONMENT: true });
for (const k of ["navigator", "location"]) Object.defineProperty(globalThis, k, { value: dom.window[k], configurable: true });

const { createElement: h, act } = await import("react");
const { createRoot } = await import("react-dom/client");
const { ConvexReactClient, useConvexAuth, useQuery, useMutation, usePaginatedQuery } = await import("convex/react");
const { ConvexAuthProvider, useAuthActions, useAuthToken } = await import(`${process.env.CONVEX_AUTH_PACKAGE}/react`);
const { anyApi: api } = await import("convex/server");

const roots = [];

// mount renders the provider with a probe, as a page load does. Nothing but
// localStorage survives from one to the next.
async function mount() {
  const client = new ConvexReactClient(url, { webSocketConstructor: WebSocket, unsavedChangesWarning: false, skipConvexDeploymentUrlCheck: true, logger: false });
  const seen = {};
  const Probe = () => {
    Object.assign(seen, useConvexAuth(), { actions: useAuthActions(), token: useAuthToken() });
    seen.user = useQuery(api.auth.loggedInUser);
    seen.send = useMutation(api.messages.send);
    return null;
  };
  const node = document.createElement("div");
  const root = createRoot(node);
  await act(async () => root.render(h(ConvexAuthProvider, { client }, h(Probe))));
  const page = {
    seen,
    async until(ok, what) {
      for (const end = Date.now() + 60_000; !ok(seen); ) {
        if (Date.now() > end) assert.fail(`${what}: ${JSON.stringify({ ...seen, actions: undefined })}`);
        await act(async () => new Promise((r) => setTimeout(r, 20)));
      }
    },
    async unmount() {
      await act(async () => root.unmount());
      await client.close();
    },
  };
  roots.push(page);
  return page;
}

after(async () => {
  for (const p of roots) await p.unmount();
  dom.window.close();
});

test("sign up, come back, sign out", async () => {
  const email = `n${Math.random().toString(36).slice(2)}@example.com`;
  const first = await mount();
  await first.until((s) => !s.isLoading && !s.isAuthenticated && s.user === null, "anonymous at first");
  await act(async () => first.seen.actions.signIn("password", { flow: "signUp", email, password: "long enough" }));
  await first.until((s) => s.isAuthenticated && s.user?.email === email, "signed in");
  await act(async () => first.seen.send({ channel: "react", body: "x" }));
  await first.unmount();
  roots.pop();

  const second = await mount();
  await second.until((s) => s.isAuthenticated && s.user?.email === email, "signed in after a reload");
  await act(async () => second.seen.actions.signOut());
  await second.until((s) => !s.isAuthenticated && s.user === null, "signed out");
  assert.equal([...Object.keys(localStorage)].some((k) => localStorage.getItem(k)?.startsWith("ey")), false, "no token stays");
});

test("a wrong password rejects and leaves the page as it was", async () => {
  const page = await mount();
  await page.until((s) => !s.isLoading, "loaded");
  let error;
  await act(async () => {
    try {
      await page.seen.actions.signIn("password", { flow: "signIn", email: "nobody@example.com", password: "long enough" });
    } catch (e) {
      error = e;
    }
  });
  assert.match(error.message, /InvalidAccountId/);
  assert.equal(page.seen.isAuthenticated, false);
  assert.deepEqual(await page.seen.actions.signIn("anonymous").then((r) => r.signingIn), true);
  await page.until((s) => s.user?.isAnonymous === true, "a guest");
});

test("usePaginatedQuery loads more, stays in order, and sees what is new", async () => {
  const channel = `n${Math.random().toString(36).slice(2)}`;
  const client = new ConvexReactClient(url, { webSocketConstructor: WebSocket, unsavedChangesWarning: false, skipConvexDeploymentUrlCheck: true, logger: false });
  for (let i = 0; i < 25; i++) await client.mutation(api.messages.send, { channel, body: String(i) });
  const seen = {};
  const Probe = () => {
    Object.assign(seen, usePaginatedQuery(api.messages.page, { channel }, { initialNumItems: 5 }));
    return null;
  };
  const { ConvexProvider } = await import("convex/react");
  const root = createRoot(document.createElement("div"));
  await act(async () => root.render(h(ConvexProvider, { client }, h(Probe))));
  const until = async (ok) => {
    for (const end = Date.now() + 60_000; !ok(); ) {
      if (Date.now() > end) assert.fail(`${seen.status} ${seen.results?.map((m) => m.body)}`);
      await act(async () => new Promise((r) => setTimeout(r, 20)));
    }
  };
  const bodies = () => seen.results.map((m) => Number(m.body));
  const descending = (from, n) => Array.from({ length: n }, (_, i) => from - i);
  await until(() => seen.status === "CanLoadMore" && seen.results.length === 5);
  assert.deepEqual(bodies(), descending(24, 5));
  await act(async () => seen.loadMore(10));
  await until(() => seen.status === "CanLoadMore" && seen.results.length === 15);
  assert.deepEqual(bodies(), descending(24, 15));
  // The first page grows, past the size at which clients split it.
  for (let i = 25; i < 40; i++) await act(async () => client.mutation(api.messages.send, { channel, body: String(i) }));
  await until(() => seen.results.length === 30);
  assert.deepEqual(bodies(), descending(39, 30));
  await act(async () => seen.loadMore(100));
  await until(() => seen.status === "Exhausted");
  assert.deepEqual(bodies(), descending(39, 40));
  await act(async () => root.unmount());
  await client.close();
});
