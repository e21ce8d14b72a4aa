// Asks for fifty messages of a channel that may have three, over HTTP and a
// socket at once, beside other processes that do the same. Prints how many it
// got.
import assert from "node:assert/strict";
import { api, client, closeAll, http } from "./setup.mjs";

const channel = process.env.CHANNEL;
const c = client();
const create = (i) => (i % 2 ? http() : c).mutation(api.quota.create, { channel });
const results = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => create(i)));
for (const r of results) if (r.status === "rejected") assert.match(r.reason.message, /Project limit reached/);
console.log(results.filter((r) => r.status === "fulfilled").length);
await closeAll();
process.exit(0);
