import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { after, test } from "node:test";
import { api, client, closeAll, control, fails, http, name, raw, url, version, watch } from "./setup.mjs";

after(closeAll);

const email = () => `${name()}@example.com`;
const signIn = (args, h = http()) => h.action(api.auth.signIn, args);
const password = (flow, mail, pass) => signIn({ provider: "password", params: { flow, email: mail, password: pass } });
const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
const bearer = (token) => {
  const h = http();
  h.setAuth(token);
  return h;
};

test("52 sign-up and sign-in with a password", async () => {
  const mail = email();
  assert.match((await fails(password("signUp", mail, "short"))).message, /Uncaught Error: Invalid password/);
  assert.match((await fails(password("signIn", mail, "long enough"))).message, /InvalidAccountId/);
  const up = await password("signUp", mail, "long enough");
  assert.deepEqual(Object.keys(up), ["tokens"]);
  assert.deepEqual(Object.keys(up.tokens).sort(), ["refreshToken", "token"]);
  assert.equal((await bearer(up.tokens.token).query(api.auth.loggedInUser, {})).email, mail);
  assert.match((await fails(password("signIn", mail, "wrong password"))).message, /InvalidSecret/);
  assert.match((await fails(password("signUp", mail, "wrong password"))).message, new RegExp(`Account ${mail} already exists`));
  assert.ok((await password("signIn", mail, "long enough")).tokens.token);
  assert.ok((await password("signUp", mail, "long enough")).tokens.token, "sign-up with the right password signs in");
  assert.match((await fails(password("jump", mail, "long enough"))).message, /Missing `flow` param, it must be one of/);
  assert.match((await fails(password("reset", mail, "x"))).message, /Password reset is not enabled for password/);
  assert.match((await fails(signIn({ provider: "github" }))).message, /Provider `github` is not configured, available providers are `password`, `anonymous`, `google`\./);
  assert.match((await fails(signIn({}))).message, /Cannot sign in: Missing `provider`, `params\.code` or `refreshToken`/);
});

test("53 guests are anonymous users", async () => {
  const { tokens } = await signIn({ provider: "anonymous" });
  const user = await bearer(tokens.token).query(api.auth.loggedInUser, {});
  assert.equal(user.isAnonymous, true);
  assert.equal(await bearer(tokens.token).query(api.auth.isAuthenticated, {}), true);
  assert.equal(await http().query(api.auth.isAuthenticated, {}), false);
});

test("54 the token verifies against the published keys", async () => {
  const { tokens } = await signIn({ provider: "anonymous" });
  const config = await (await fetch(`${url}/.well-known/openid-configuration`)).json();
  assert.equal(config.issuer, url);
  const { keys } = await (await fetch(config.jwks_uri)).json();
  const [head, body, signature] = tokens.token.split(".");
  assert.deepEqual(JSON.parse(Buffer.from(head, "base64url")), { alg: "RS256" });
  assert.ok(verify("RSA-SHA256", Buffer.from(`${head}.${body}`), createPublicKey({ key: keys[0], format: "jwk" }), Buffer.from(signature, "base64url")));
  const c = claims(tokens.token);
  assert.equal(c.iss, url);
  assert.equal(c.aud, "convex");
  assert.equal(c.exp - c.iat, 3600);
  assert.match(c.sub, /^[0-9a-z]{31,37}\|[0-9a-z]{31,37}$/);
});

// signedIn resolves to the fetches and changes of a client with a token.
function authenticate(c, fetchToken) {
  const changes = [];
  const waiting = [];
  c.setAuth(fetchToken, (ok) => {
    changes.push(ok);
    for (const w of waiting.splice(0)) w();
  });
  return {
    changes,
    until: async (ok) => {
      while (!changes.includes(ok)) await new Promise((r) => waiting.push(r));
    },
  };
}

test("55 setAuth confirms, queries run with the identity", async () => {
  const c = client();
  const user = watch(c, api.auth.loggedInUser, {});
  await user.next((v) => v === null);
  let { tokens } = await signIn({ provider: "anonymous" });
  let fetches = 0;
  const auth = authenticate(c, async ({ forceRefreshToken }) => {
    fetches++;
    if (forceRefreshToken) tokens = (await signIn({ refreshToken: tokens.refreshToken })).tokens;
    return tokens.token;
  });
  await auth.until(true);
  await user.next((v) => v?.isAnonymous === true);
  await c.query(api.messages.list, { channel: name() });
  assert.ok(auth.changes.every((ok) => ok), auth.changes.join());
  assert.equal(user.values.filter((v) => v !== null).length, 1, "the second token made no flicker");
  assert.ok(fetches >= 1);
});

test("56 a bad token over the socket: anonymous, and life goes on", async () => {
  const c = client();
  const auth = authenticate(c, async () => "garbage");
  await auth.until(false);
  assert.equal(await c.query(api.auth.isAuthenticated, {}), false);
});

test("57 a token that expires on an open socket is refreshed silently", async () => {
  const c = client();
  let { tokens } = await signIn({ provider: "anonymous" });
  const auth = authenticate(c, async ({ forceRefreshToken }) => {
    if (forceRefreshToken) tokens = (await signIn({ refreshToken: tokens.refreshToken })).tokens;
    return tokens.token;
  });
  await auth.until(true);
  const channel = name();
  const seen = watch(c, api.messages.list, { channel });
  await seen.next((v) => v.length === 0);
  await control("later?seconds=3700");
  await c.mutation(api.messages.send, { channel, body: "after the end of the token" });
  await seen.next((v) => v.length === 1);
  assert.equal(await c.query(api.auth.isAuthenticated, {}), true);
});

test("57 what the server sends when a token has ended", async () => {
  const { tokens } = await signIn({ provider: "anonymous" });
  const s = raw();
  await s.opened;
  s.hello();
  s.send({ type: "Authenticate", baseVersion: 0, tokenType: "User", value: tokens.token });
  const t = await s.frame((f) => f.type === "Transition");
  assert.equal(t.endVersion.identity, 1);
  await control("later?seconds=3700");
  s.send({ type: "Mutation", requestId: 0, udfPath: "messages:send", args: [{ channel: "x", body: "x" }] });
  const e = await s.frame((f) => f.type === "AuthError");
  assert.equal(e.authUpdateAttempted, false);
  assert.equal(e.baseVersion, 1);
  assert.equal((await s.closed).code, 1005);
});

test("58 refresh tokens rotate, and one that comes back late ends the session", async () => {
  const one = (await signIn({ provider: "anonymous" })).tokens;
  const two = (await signIn({ refreshToken: one.refreshToken })).tokens;
  assert.notEqual(two.refreshToken, one.refreshToken);
  assert.notEqual(two.token, one.token);
  const again = (await signIn({ refreshToken: one.refreshToken })).tokens;
  assert.equal(again.refreshToken, two.refreshToken, "a lost answer is given again");
  const three = (await signIn({ refreshToken: two.refreshToken })).tokens;
  await control("later?seconds=11");
  assert.equal((await signIn({ refreshToken: one.refreshToken })).tokens, null, "reuse");
  assert.equal((await signIn({ refreshToken: three.refreshToken })).tokens, null, "what came from it is dead");
  assert.match((await fails(signIn({ refreshToken: "nonsense" }))).message, /Can't parse refresh token: /);
});

test("58 an old refresh token works for ten seconds", async () => {
  const one = (await signIn({ provider: "anonymous" })).tokens;
  const two = (await signIn({ refreshToken: one.refreshToken })).tokens;
  await signIn({ refreshToken: two.refreshToken });
  assert.ok((await signIn({ refreshToken: one.refreshToken })).tokens);
});

test("58 after sign-out nothing works", async () => {
  const { tokens } = await signIn({ provider: "anonymous" });
  const h = bearer(tokens.token);
  assert.equal(await h.action(api.auth.signOut, {}), null);
  assert.equal((await signIn({ refreshToken: tokens.refreshToken })).tokens, null);
  assert.equal(await h.query(api.auth.isAuthenticated, {}), false, "the token's session is gone: anonymous, no error");
  assert.equal(await h.action(api.auth.signOut, {}), null);
});

test("signing in again replaces the session", async () => {
  const first = (await signIn({ provider: "anonymous" })).tokens;
  await signIn({ provider: "anonymous" }, bearer(first.token));
  assert.equal(await bearer(first.token).query(api.auth.isAuthenticated, {}), false);
});

test("59 ten wrong passwords lock the right one out for a while", async () => {
  const mail = email();
  await password("signUp", mail, "long enough");
  const tries = Array.from({ length: 10 }, (_, i) => fails(password(i % 2 ? "signIn" : "signUp", mail, "wrong password")));
  for (const e of await Promise.all(tries)) assert.match(e.message, /InvalidSecret|already exists/);
  assert.match((await fails(password("signIn", mail, "long enough"))).message, /TooManyFailedAttempts: wait [1-6] minutes?, then try again/);
  await control("later?seconds=400");
  assert.ok((await password("signIn", mail, "long enough")).tokens);
});

test("60 google: a redirect and a verifier; a wrong code is no error", async () => {
  const r = await signIn({ provider: "google", params: { redirectTo: "/dashboard" } });
  assert.deepEqual(Object.keys(r).sort(), ["redirect", "verifier"]);
  const to = new URL(r.redirect);
  assert.equal(to.origin + to.pathname, `${url}/api/auth/signin/google`);
  assert.equal(to.searchParams.get("code"), r.verifier);
  assert.equal(to.searchParams.get("redirectTo"), "/dashboard");
  assert.deepEqual(await signIn({ params: { code: "12345678" }, verifier: r.verifier }), { tokens: null });
});

test("61 redirects out of the site are refused", async () => {
  for (const to of ["https://evil.example", `${process.env.SITE_URL}.evil.example`, "javascript:alert(1)"]) {
    const e = await fails(signIn({ provider: "google", params: { redirectTo: to } }));
    assert.ok(e.message.includes(`Invalid \`redirectTo\` ${to} for configured SITE_URL: ${process.env.SITE_URL}`), e.message);
  }
  assert.ok((await signIn({ provider: "google", params: { redirectTo: `${process.env.SITE_URL}/dashboard` } })).redirect);
});

// What the Next.js helper of @convex-dev/auth asks on every page: whether the
// token of its cookie holds, and for another when it is about to end.
test("62 a token on a server's side: valid, expired, missing", async () => {
  const asked = (token) =>
    fetch(`${url}/api/query`, {
      method: "POST",
      headers: { "content-type": "application/json", "convex-client": `npm-${version}`, ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ path: "auth:isAuthenticated", format: "convex_encoded_json", args: [{}] }),
    });
  const { tokens } = await signIn({ provider: "anonymous" });
  assert.equal((await (await asked(tokens.token)).json()).value, true);
  assert.equal((await (await asked()).json()).value, false);
  await control("later?seconds=3700");
  const late = await asked(tokens.token);
  assert.equal(late.status, 401);
  assert.doesNotMatch(await late.text(), /Could not find public function/);
  const next = (await signIn({ refreshToken: tokens.refreshToken })).tokens;
  assert.equal((await (await asked(next.token)).json()).value, true);
});

test("52 an address is the same however it is capitalised", async () => {
  const mail = email();
  await password("signUp", ` ${mail.toUpperCase()}`, "long enough");
  const { tokens } = await password("signIn", mail, "long enough");
  assert.equal((await bearer(tokens.token).query(api.auth.loggedInUser, {})).email, mail);
});

test("63 an imported Lucia hash signs in", async () => {
  const mail = email();
  await http().mutation(api.users.importLucia, { email: mail });
  assert.ok((await password("signIn", mail, "correct horse battery")).tokens);
});

test("64 clearing the token turns queries anonymous in one transition", async () => {
  const { tokens } = await signIn({ provider: "anonymous" });
  const s = raw();
  await s.opened;
  s.hello();
  s.send({ type: "Authenticate", baseVersion: 0, tokenType: "User", value: tokens.token });
  s.send({
    type: "ModifyQuerySet", baseVersion: 0, newVersion: 1,
    modifications: [
      { type: "Add", queryId: 0, udfPath: "auth:isAuthenticated", args: [{}] },
      { type: "Add", queryId: 1, udfPath: "auth:loggedInUser", args: [{}] },
    ],
  });
  await s.frame((f) => f.type === "Transition" && f.modifications.length === 2);
  s.send({ type: "Authenticate", baseVersion: 1, tokenType: "None" });
  const t = await s.frame((f) => f.type === "Transition" && f.endVersion.identity === 2);
  assert.deepEqual(t.modifications.map((m) => m.value), [false, null]);
  s.ws.close();
});

test("sign-out reaches a live query of the same session", async () => {
  const { tokens } = await signIn({ provider: "anonymous" });
  const s = raw();
  await s.opened;
  s.hello();
  s.send({ type: "Authenticate", baseVersion: 0, tokenType: "User", value: tokens.token });
  s.send({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [{ type: "Add", queryId: 0, udfPath: "auth:isAuthenticated", args: [{}] }] });
  await s.frame((f) => f.modifications?.[0]?.value === true);
  await bearer(tokens.token).action(api.auth.signOut, {});
  await s.frame((f) => f.modifications?.[0]?.value === false);
  s.ws.close();
});
