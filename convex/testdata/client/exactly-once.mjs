// Sends numbered mutations, some at once and some one after the other, while
// kill_test.go kills the server again and again. Then everything must be there
// once, in order. Prints a line after every thirty, so that the killing is in
// the middle.
import assert from "node:assert/strict";
import { api, client, closeAll, http, name } from "./setup.mjs";

const c = client();
const channel = name();
const total = Number(process.env.TOTAL);
await c.mutation(api.messages.send, { channel, body: "0" });
const ids = [];
for (let i = 1; i < total; ) {
  const batch = [];
  for (let n = 0; n < 5 && i < total; n++, i++) batch.push(c.mutation(api.messages.sendAndSchedule, { channel, body: String(i) }));
  const sent = Promise.all(batch);
  if (i % 30 === 1) console.log(i);
  ids.push(...(await sent));
}
const list = await c.query(api.messages.list, { channel });
assert.deepEqual(list.map((m) => m.body), Array.from({ length: total }, (_, i) => String(i)));
assert.deepEqual(list.slice(1).map((m) => m._id), ids, "every promise has the value of the run that counted");

// What the mutations scheduled happened once each, too.
const scheduled = `${channel}-scheduled`;
for (const end = Date.now() + 60_000; Date.now() < end; ) {
  if ((await http().query(api.messages.list, { channel: scheduled })).length >= total - 1) break;
  await new Promise((r) => setTimeout(r, 100));
}
const done = (await http().query(api.messages.list, { channel: scheduled })).map((m) => Number(m.body));
assert.deepEqual(done.toSorted((a, b) => a - b), Array.from({ length: total - 1 }, (_, i) => i + 1));
console.log("done");
await closeAll();
process.exit(0);
