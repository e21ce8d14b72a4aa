// Numbers in front of the names are those of the conformance cases of the
// Convex wire protocol notes.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { api, client, closeAll, control, ConvexError, fails, http, name, raw, reactClient, signedIn, url, version, watch, zero } from "./setup.mjs";

after(closeAll);

test("1 a foreign origin may connect", async () => {
  const s = raw(version, { Origin: "https://elsewhere.example" });
  await s.opened;
  s.ws.close();
});

test("2 preflight mirrors origin and headers", async () => {
  const r = await fetch(`${url}/api/query`, {
    method: "OPTIONS",
    headers: {
      Origin: "https://elsewhere.example",
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization, content-type, convex-client",
    },
  });
  assert.equal(r.headers.get("access-control-allow-origin"), "https://elsewhere.example");
  assert.equal(r.headers.get("access-control-allow-credentials"), "true");
  assert.equal(r.headers.get("access-control-allow-headers"), "authorization, content-type, convex-client");
});

test("3 an HTTP query gives a value", async () => {
  assert.deepEqual(await http().query(api.messages.list, { channel: name() }), []);
});

test("4 consistent queries share a snapshot", async () => {
  const h = http();
  const channel = name();
  assert.deepEqual(await h.consistentQuery(api.messages.list, { channel }), []);
  assert.deepEqual(await h.consistentQuery(api.messages.list, { channel }), []);
});

test("5 malformed JSON is a 400 with a code", async () => {
  const r = await fetch(`${url}/api/query`, { method: "POST", body: "{", headers: { "Content-Type": "application/json" } });
  assert.equal(r.status, 400);
  const body = await r.json();
  assert.ok(body.code && body.message);
});

test("6 a garbage bearer token is a 401", async () => {
  const h = http();
  h.setAuth("garbage");
  await fails(h.query(api.messages.list, { channel: "x" }));
  const r = await fetch(`${url}/api/query`, { method: "POST", headers: { Authorization: "bearer garbage" }, body: "{}" });
  assert.equal(r.status, 401);
});

test("7 arguments bare or in an array", async () => {
  for (const args of [{ value: 1 }, [{ value: 1 }]]) {
    const r = await fetch(`${url}/api/query`, { method: "POST", body: JSON.stringify({ path: "echo:query", format: "json", args }) });
    assert.deepEqual(await r.json(), { status: "success", value: 1, logLines: [] });
  }
});

test("8 an unknown function is status 200 and an error", async () => {
  const r = await fetch(`${url}/api/query`, { method: "POST", body: JSON.stringify({ path: "no:such", args: {} }) });
  assert.equal(r.status, 200);
  const body = await r.json();
  assert.equal(body.status, "error");
  assert.match(body.errorMessage, /Could not find public function for 'no:such'\./);
  assert.equal("errorData" in body, false);
});

test("9 an error without data is no ConvexError; one with data is", async () => {
  const plain = await fails(http().mutation(api.fail.plain, {}));
  assert.equal(plain instanceof ConvexError, false);
  assert.match(plain.message, /Uncaught Error: Forbidden/);
  const rich = await fails(http().mutation(api.fail.rich, {}));
  assert.equal(rich instanceof ConvexError, true);
  assert.deepEqual(rich.data, { code: "quota", message: "Enough" });
  const hidden = await fails(http().mutation(api.fail.hidden, {}));
  assert.match(hidden.message, /^\[Request ID: [0-9a-f]{16}\] Server Error$/);
  const panicked = await fails(http().mutation(api.fail.panics, {}));
  assert.match(panicked.message, /^\[Request ID: [0-9a-f]{16}\] Server Error$/);
});

test("10 connect with an empty set: one transition from zero", async () => {
  const s = raw();
  await s.opened;
  s.hello();
  s.send({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [] });
  const t = await s.frame((f) => f.type === "Transition");
  assert.deepEqual(t.startVersion, zero);
  assert.equal(t.endVersion.querySet, 1);
  assert.deepEqual(t.modifications, []);
  s.ws.close();
});

test("11 an error query leaves others alive", async () => {
  const c = client();
  const channel = name();
  const bad = watch(c, api.fail.query, {});
  const good = watch(c, api.messages.list, { channel });
  assert.match((await bad.next((v) => v.error)).error.message, /\[CONVEX Q\(fail:query\)\].*\n?.*Uncaught Error: Not today/s);
  await good.next((v) => Array.isArray(v));
  await c.mutation(api.messages.send, { channel, body: "still here" });
  await good.next((v) => v.length === 1);
});

test("12 one client writes, another sees", async () => {
  const [a, b] = [client(), client()];
  const channel = name();
  const seen = watch(b, api.messages.list, { channel });
  await seen.next((v) => v.length === 0);
  await a.mutation(api.messages.send, { channel, body: "hello" });
  await seen.next((v) => v[0]?.body === "hello");
});

test("13 an awaited mutation is in the own subscriptions", async () => {
  const c = client();
  const channel = name();
  const seen = watch(c, api.messages.list, { channel });
  await seen.next((v) => v.length === 0);
  for (let i = 1; i <= 5; i++) {
    await c.mutation(api.messages.send, { channel, body: String(i) });
    assert.equal(c.client.localQueryResult("messages:list", { channel }).length, i);
  }
});

test("14 a mutation without subscriptions resolves", async () => {
  const id = await client().mutation(api.messages.send, { channel: name(), body: "x" });
  assert.equal(typeof id, "string");
});

test("15 a failing mutation rolls back what it showed", async () => {
  const c = reactClient();
  const channel = name();
  const w = c.watchQuery(api.messages.list, { channel });
  const lengths = [];
  w.onUpdate(() => lengths.push(w.localQueryResult()?.length));
  await c.query(api.messages.list, { channel });
  const err = await fails(
    c.mutation(api.messages.sendThenFail, { channel, body: "x" }, {
      optimisticUpdate: (store) => store.setQuery(api.messages.list, { channel }, [{ body: "x" }]),
    }),
  );
  assert.match(err.message, /\[CONVEX M\(messages:sendThenFail\)\] \[Request ID: [0-9a-f]{16}\] Server Error/);
  assert.match(err.message, /Uncaught Error: Changed my mind/);
  assert.deepEqual(w.localQueryResult(), []);
  assert.deepEqual(await http().query(api.messages.list, { channel }), []);
});

test("16 an optimistic insert never disappears or doubles", async () => {
  const c = reactClient();
  const channel = name();
  const w = c.watchQuery(api.messages.list, { channel });
  const lengths = [];
  w.onUpdate(() => lengths.push(w.localQueryResult()?.length));
  await c.query(api.messages.list, { channel });
  for (let i = 0; i < 20; i++) {
    await c.mutation(api.messages.send, { channel, body: String(i) }, {
      optimisticUpdate: (store) => {
        const now = store.getQuery(api.messages.list, { channel }) ?? [];
        store.setQuery(api.messages.list, { channel }, [...now, { body: String(i) }]);
      },
    });
    assert.equal(w.localQueryResult().length, i + 1);
  }
  for (let i = 1; i < lengths.length; i++) assert.ok(lengths[i] >= lengths[i - 1] && lengths[i] <= lengths[i - 1] + 1, lengths.join());
});

test("17 mutations run in order", async () => {
  const c = client();
  const channel = name();
  const order = [];
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => c.mutation(api.messages.send, { channel, body: String(i) }).then(() => order.push(i))),
  );
  assert.deepEqual(order, order.toSorted((a, b) => a - b));
  const bodies = (await http().query(api.messages.list, { channel })).map((m) => m.body);
  assert.deepEqual(bodies, Array.from({ length: 50 }, (_, i) => String(i)));
});

test("18 two queries over the same data are always equal", async () => {
  const s = raw();
  await s.opened;
  s.hello();
  const channel = name();
  s.send({
    type: "ModifyQuerySet", baseVersion: 0, newVersion: 1,
    modifications: [
      { type: "Add", queryId: 0, udfPath: "messages:list", args: [{ channel }] },
      { type: "Add", queryId: 1, udfPath: "messages:count", args: [{ channel }] },
    ],
  });
  await s.frame((f) => f.type === "Transition" && f.modifications.length === 2);
  const writer = client();
  const writes = Promise.all(Array.from({ length: 30 }, (_, i) => writer.mutation(api.messages.send, { channel, body: String(i) })));
  for (let n = 0; n < 30; ) {
    const t = await s.frame((f) => f.type === "Transition");
    const list = t.modifications.find((m) => m.queryId === 0);
    const count = t.modifications.find((m) => m.queryId === 1);
    if (!list && !count) continue;
    assert.equal(list.value.length, count.value);
    n = count.value;
  }
  await writes;
  s.ws.close();
});

test("19 unsubscribe and subscribe again: a fresh value", async () => {
  const c = client();
  const channel = name();
  const first = watch(c, api.messages.list, { channel });
  await first.next((v) => v.length === 0);
  first.stop();
  await client().mutation(api.messages.send, { channel, body: "new" });
  const second = watch(c, api.messages.list, { channel });
  await second.next((v) => v.length === 1);
});

test("20 to 22 no needless callbacks", async () => {
  const c = client();
  const channel = name();
  const one = watch(c, api.messages.list, { channel });
  const two = watch(c, api.messages.list, { channel });
  await one.next((v) => v.length === 0);
  await two.next((v) => v.length === 0);
  const count = watch(c, api.messages.hasAny, { channel });
  await count.next((v) => v === false);
  const other = client();
  await other.mutation(api.messages.send, { channel: name(), body: "unrelated" });
  await other.mutation(api.messages.send, { channel, body: "1" });
  await count.next((v) => v === true);
  await one.next((v) => v.length === 1);
  await other.mutation(api.messages.send, { channel, body: "2" });
  await one.next((v) => v.length === 2);
  assert.deepEqual(one.values.map((v) => v.length), [0, 1, 2], "an unrelated write made no callback");
  assert.deepEqual(count.values, [false, true], "an equal result made no callback");
});

test("23 a cut socket comes back with what it missed", async () => {
  const c = client();
  const channel = name();
  const seen = watch(c, api.messages.list, { channel });
  await seen.next((v) => v.length === 0);
  await control("cut");
  await http().mutation(api.messages.send, { channel, body: "missed" });
  await seen.next((v) => v.length === 1);
});

test("24 a mutation is run once although the socket is cut before its answer", async () => {
  const c = client();
  const channel = name();
  const seen = watch(c, api.messages.list, { channel });
  await seen.next((v) => v.length === 0);
  for (let i = 0; i < 5; i++) {
    const id = await c.mutation(api.messages.sendAndCut, { channel, body: String(i) });
    const list = await http().query(api.messages.list, { channel });
    assert.equal(list.length, i + 1);
    assert.equal(list[i]._id, id, "the promise has the first run's value");
  }
});

test("25 an action in flight fails when the socket is cut", async () => {
  const c = client();
  const p = fails(c.action(api.slow.action, { ms: 3000 }));
  await c.query(api.messages.list, { channel: name() });
  await control("cut");
  assert.match((await p).message, /Connection lost while action was in flight/);
});

test("26 clients recover from a server restart", async () => {
  const c = client();
  const channel = name();
  const seen = watch(c, api.messages.list, { channel });
  await seen.next((v) => v.length === 0);
  await c.mutation(api.messages.send, { channel, body: "before" });
  await control("restart");
  await c.mutation(api.messages.send, { channel, body: "after" });
  await seen.next((v) => v.length === 2);
});

test("27 an idle connection gets pings", async () => {
  const s = raw();
  await s.opened;
  s.hello();
  await s.frame((f) => f.type === "Ping");
  await s.frame((f) => f.type === "Ping");
  s.ws.close();
});

test("29 and 42 large arguments pass, large documents do not", async () => {
  const c = await signedIn();
  const channel = name();
  await c.mutation(api.messages.send, { channel, body: "x".repeat(500_000) });
  const err = await fails(c.mutation(api.messages.send, { channel, body: "x".repeat(2 << 20) }));
  assert.match(err.message, /Value is too large \(2\.0 MiB > maximum size 1 MiB\)/);
  assert.equal((await c.query(api.messages.list, { channel })).length, 1);
});

test("29 before signing in, 500 KB pass and 2 MB end the connection with the reason", async () => {
  const c = client();
  await c.mutation(api.messages.send, { channel: name(), body: "x".repeat(500_000) });
  const s = raw();
  await s.opened;
  s.hello();
  s.send({ type: "Mutation", requestId: 0, udfPath: "messages:send", args: [{ channel: "x", body: "x".repeat(2 << 20) }] });
  assert.match((await s.frame((f) => f.type === "FatalError")).error, /larger than 1048576 bytes/);
  assert.equal((await s.closed).code, 1005);
  await assert.rejects(http().mutation(api.messages.send, { channel: "x", body: "x".repeat(2 << 20) }), /RequestTooLarge/);
});

test("30 a result of more than 5 MB arrives", async () => {
  const c = client();
  const size = 6_000_000;
  const seen = watch(c, api.echo.big, { size });
  const v = await seen.next((v) => v.length > 0);
  assert.equal(v.length, size);
  assert.ok(v.startsWith("añ"), "characters survive the cuts");
});

test("30 only clients from 1.28.0 get chunks", async () => {
  for (const [v, kind] of [["1.27.3", "Transition"], ["1.28.0", "TransitionChunk"], ["1.28.0-alpha.1", "Transition"]]) {
    const s = raw(v);
    await s.opened;
    s.hello();
    s.send({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [{ type: "Add", queryId: 0, udfPath: "echo:big", args: [{ size: 6_000_000 }] }] });
    const f = await s.frame((f) => f.type === "TransitionChunk" || f.type === "Transition");
    assert.equal(f.type, kind, v);
    s.ws.close();
  }
});

test("31 an unknown event is ignored", async () => {
  const s = raw();
  await s.opened;
  s.hello();
  s.send({ type: "Event", eventType: "Whatever", event: { a: [1] } });
  s.send({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [] });
  await s.frame((f) => f.type === "Transition");
  s.ws.close();
});

test("32 a wrong base version is fatal", async () => {
  const s = raw();
  await s.opened;
  s.hello();
  s.send({ type: "ModifyQuerySet", baseVersion: 4, newVersion: 5, modifications: [] });
  assert.match((await s.frame((f) => f.type === "FatalError")).error, /BaseVersionMismatch/);
  assert.equal((await s.closed).code, 1005);
});

test("33 a frame that is no JSON is fatal", async () => {
  const s = raw();
  await s.opened;
  s.send("{nope");
  await s.frame((f) => f.type === "FatalError");
  assert.equal((await s.closed).code, 1005);
});

test("a client that saw later commits than the database is sent away", async () => {
  const s = raw();
  await s.opened;
  s.hello({ maxObservedTimestamp: "/////////38=" });
  const end = await s.closed;
  assert.equal(end.code, 1011);
});

test("versions that are refused", async () => {
  await assert.rejects(raw("nonsense").opened, /400/);
  await assert.rejects(raw("0.19.1").opened, /400/);
});

test("a stream and the row that it becomes change places in one transition", async () => {
  const s = raw();
  await s.opened;
  s.hello();
  const key = name();
  s.send({
    type: "ModifyQuerySet", baseVersion: 0, newVersion: 1,
    modifications: [
      { type: "Add", queryId: 0, udfPath: "messages:list", args: [{ channel: key }] },
      { type: "Add", queryId: 1, udfPath: "streams:get", args: [{ key }] },
    ],
  });
  await s.frame((f) => f.type === "Transition" && f.modifications.length === 2);
  const writer = client();
  for (let round = 1; round <= 20; round++) {
    await writer.action(api.streams.write, { key, text: `draft ${round}` });
    const finished = writer.mutation(api.streams.finish, { key });
    let shown = null;
    for (;;) {
      const t = await s.frame((f) => f.type === "Transition");
      const list = t.modifications.find((m) => m.queryId === 0);
      const text = t.modifications.find((m) => m.queryId === 1);
      if (text && text.value !== null) shown = text.value;
      if (!list) {
        assert.ok(!text || text.value !== null, "the stream ended without its row");
        continue;
      }
      assert.equal(list.value.length, round);
      assert.equal(text?.value ?? null, null, "the row came while the stream stood");
      assert.ok(text || shown === null, "the row came without the end of the stream");
      break;
    }
    await finished;
  }
  s.ws.close();
});

test("paginated queries", async () => {
  const c = client();
  const channel = name();
  for (let i = 0; i < 25; i++) await c.mutation(api.messages.send, { channel, body: String(i) });
  const h = http();
  let cursor = null;
  const all = [];
  for (;;) {
    const p = await h.query(api.messages.page, { channel, paginationOpts: { numItems: 10, cursor } });
    all.push(...p.page.map((m) => m.body));
    cursor = p.continueCursor;
    if (p.isDone) break;
  }
  assert.deepEqual(all, Array.from({ length: 25 }, (_, i) => String(24 - i)));
  const bad = await fails(h.query(api.messages.page, { channel, paginationOpts: { numItems: 10, cursor: "nonsense" } }));
  assert.match(bad.message, /InvalidCursor/);
});

test("a page keeps its end when it grows and over a reconnect", async () => {
  const c = client();
  const channel = name();
  for (let i = 0; i < 6; i++) await c.mutation(api.messages.send, { channel, body: String(i) });
  const seen = watch(c, api.messages.page, { channel, paginationOpts: { numItems: 3, cursor: null } });
  const first = await seen.next((v) => v.page.length === 3);
  await c.mutation(api.messages.send, { channel, body: "6" });
  const grown = await seen.next((v) => v.page.length === 4);
  assert.equal(grown.continueCursor, first.continueCursor);
  await control("cut");
  await http().mutation(api.messages.send, { channel, body: "7" });
  const later = await seen.next((v) => v.page.length === 5);
  assert.equal(later.continueCursor, first.continueCursor);
});

test("48 a quota holds under 100 creates over HTTP and WebSocket at once", async () => {
  const channel = name();
  const clients = Array.from({ length: 10 }, () => client());
  const over = (i) => (i % 2 ? http() : clients[i % clients.length]).mutation(api.quota.create, { channel });
  const results = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => over(i)));
  assert.equal(results.filter((r) => r.status === "fulfilled").length, 3);
  for (const r of results) if (r.status === "rejected") assert.match(r.reason.message, /Uncaught Error: Project limit reached: maximum 3 projects per user/);
  assert.equal((await http().query(api.messages.list, { channel })).length, 3);
});

test("scheduled functions change live queries", async () => {
  const c = client();
  const channel = name();
  const seen = watch(c, api.messages.list, { channel });
  await seen.next((v) => v.length === 0);
  await c.mutation(api.messages.sendLater, { channel, body: "later", ms: 0 });
  await seen.next((v) => v.length === 1);
  await c.mutation(api.messages.sendLater, { channel, body: "after a while", ms: 100 });
  await seen.next((v) => v.length === 2);
});
