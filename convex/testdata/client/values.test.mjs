import assert from "node:assert/strict";
import { after, test } from "node:test";
import { api, client, closeAll, fails, http, name } from "./setup.mjs";

after(closeAll);

const values = [
  null, true, false, 0, -0, 1, -1.5, 1e21, 1e-7, 2 ** 53, Number.MAX_VALUE, NaN, Infinity, -Infinity,
  0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), "", "x", "\u0000", "añ😀", "</script>&", [], [1, [2, [3]]], {}, { a: { b: [null] }, "with space": 1, "": 2 },
  new Uint8Array([0, 1, 255]).buffer,
];

test("36 values round trip", async () => {
  const c = client();
  for (const call of [
    (v) => http().query(api.echo.query, { value: v }),
    (v) => c.query(api.echo.query, { value: v }),
    (v) => c.mutation(api.echo.mutation, { value: v }),
    (v) => c.action(api.echo.action, { value: v }),
    (v) => c.mutation(api.echo.stored, { value: v }),
  ]) {
    for (const v of values) {
      const got = await call(v);
      if (typeof v === "number") assert.ok(Object.is(got, v), `${v} came back as ${got}`);
      else assert.deepEqual(got, v);
    }
  }
});

const refused = async (args, text) => {
  const e = await fails(client().query(api.args.typed, args));
  assert.match(e.message, /ArgumentValidationError: /);
  assert.ok(e.message.includes(text), e.message);
  const h = await fails(http().query(api.args.typed, args));
  assert.ok(h.message.includes(text), h.message);
};

test("37 values of the wrong type", async () => {
  const id = await client().mutation(api.messages.send, { channel: name(), body: "x" });
  await refused({ id, name: 5, n: 1 }, "Value does not match validator.\nPath: .name\nValue: 5.0\nValidator: v.string()");
  await refused({ id, name: "x", n: 1n }, "Value does not match validator.\nPath: .n\nValue: 1n\nValidator: v.float64()");
  await refused({ id, name: "x", n: 1, opt: null }, "Value does not match validator.\nPath: .opt\nValue: null\nValidator: v.string()");
  await refused({ id, name: "x", n: 1, mode: "x" }, "Value does not match validator.\nPath: .mode\nValue: \"x\"\nValidator: v.union(v.literal(\"ask\"), v.literal(\"code\"))");
});

test("38 missing and extra fields", async () => {
  const shape = 'Validator: v.object({id: v.id("messages"), name: v.string(), n: v.float64(), opt: v.optional(v.string()), mode: v.optional(v.union(v.literal("ask"), v.literal("code")))})';
  await refused({}, "Object is missing the required field `id`. Consider wrapping the field validator in `v.optional(...)` if this is expected.\n\nObject: {}\n" + shape);
  const id = await client().mutation(api.messages.send, { channel: name(), body: "x" });
  await refused({ id, name: "x", n: 1, foo: 2 }, "Object contains extra field `foo` that is not in the validator.\n\nObject: {foo: 2.0, id: \"" + id + "\", n: 1.0, name: \"x\"}\n" + shape);
});

test("39 ids of another table and nonsense", async () => {
  const id = await client().mutation(api.messages.send, { channel: name(), body: "x" });
  const other = await client().mutation(api.echo.storedID, {});
  await refused({ id: other, name: "x", n: 1 }, `Found ID "${other}" from table \`anything\`, which does not match the table name in validator \`v.id("messages")\`.Path: .id`);
  await refused({ id: "nonsense", name: "x", n: 1 }, 'Value does not match validator.\nPath: .id\nValue: "nonsense"\nValidator: v.id("messages")');
  const typo = id.slice(0, -1) + (id.endsWith("0") ? "1" : "0");
  await refused({ id: typo, name: "x", n: 1 }, "Value does not match validator.");
});

test("40 and 41 nothing is null, unset fields are absent", async () => {
  const c = client();
  assert.equal(await c.mutation(api.echo.nothing, {}), null);
  const id = await c.mutation(api.messages.send, { channel: name(), body: "x" });
  const doc = await c.query(api.args.typed, { id, name: "x", n: 1 });
  assert.equal("pinned" in doc, false);
  assert.equal(typeof doc._creationTime, "number");
});

test("43 bad names are refused before storage", async () => {
  const http2 = (args) =>
    fetch(`${process.env.CONVEX_URL}/api/mutation`, { method: "POST", body: JSON.stringify({ path: "echo:stored", args }) }).then((r) => r.json());
  for (const bad of [{ $x: 1, y: 2 }, { "ñ": 1 }]) {
    const r = await http2({ value: bad });
    assert.equal(r.status, "error");
  }
});

test("44 and 45 internal functions do not exist, kinds matter", async () => {
  const c = client();
  assert.match((await fails(c.mutation(api.messages.internalSend, { channel: "x", body: "x" }))).message, /Could not find public function for 'messages:internalSend'\./);
  assert.match((await fails(c.query(api.messages.send, { channel: "x", body: "x" }))).message, /Trying to execute messages\.js:send as Query, but it is defined as Mutation\./);
  assert.match((await fails(c.action(api.messages.list, { channel: "x" }))).message, /Trying to execute messages\.js:list as Action, but it is defined as Query\./);
});

test("51 an error in an action does not disturb queries", async () => {
  const c = client();
  const channel = name();
  await c.query(api.messages.list, { channel });
  const err = await fails(c.action(api.fail.action, {}));
  assert.match(err.message, /\[CONVEX A\(fail:action\)\]/);
  assert.deepEqual(await c.query(api.messages.list, { channel }), []);
});
