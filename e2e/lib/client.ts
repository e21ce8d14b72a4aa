// The official npm client, signed in as somebody, against the real binary.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import type { Page } from "@playwright/test";

export const api = anyApi;

export interface Tokens {
  token: string;
  refreshToken: string;
}

export async function signUpTokens(url: string, email: string, password = "correct horse battery"): Promise<Tokens> {
  const http = new ConvexHttpClient(url);
  const answer = (await http.action(api.auth.signIn, { provider: "password", params: { flow: "signUp", email, password } })) as { tokens: Tokens };
  return answer.tokens;
}

export function connect(url: string, tokens?: Tokens): ConvexClient {
  const client = new ConvexClient(url, { logger: false });
  if (tokens) {
    let current = tokens;
    client.setAuth(async ({ forceRefreshToken }) => {
      if (forceRefreshToken) {
        const tokens = await refresh(url, current.refreshToken);
        if (!tokens) return null;
        current = tokens;
      }
      return current.token;
    });
  }
  return client;
}

// A client of the person who is signed in on a page.
export async function connectAs(page: Page, url: string): Promise<ConvexClient> {
  const tokens = await page.evaluate(() => {
    const stored = (name: string) => Object.entries(localStorage).find(([key]) => key.startsWith(name))?.[1] ?? "";
    return { token: stored("__convexAuthJWT"), refreshToken: stored("__convexAuthRefreshToken") };
  });
  return connect(url, tokens);
}

// A server that is down for a moment is no reason to be signed out.
async function refresh(url: string, refreshToken: string): Promise<Tokens | null> {
  for (let tries = 0; ; tries++) {
    try {
      const answer = (await new ConvexHttpClient(url).action(api.auth.signIn, { refreshToken })) as { tokens: Tokens | null };
      return answer.tokens;
    } catch (error) {
      if (tries === 40) throw error;
      await new Promise((next) => setTimeout(next, 250));
    }
  }
}

// Collects every value of a query, so that a test can wait for one and count.
export function watch<T>(client: ConvexClient, query: unknown, args: Record<string, unknown>): { values: T[]; until: (what: string, ok: (value: T) => boolean, ms?: number) => Promise<T> } {
  const values: T[] = [];
  const waiting: { ok: (value: T) => boolean; done: (value: T) => void }[] = [];
  client.onUpdate(query as never, args as never, (value: unknown) => {
    values.push(value as T);
    for (const w of waiting.splice(0)) {
      if (w.ok(value as T)) w.done(value as T);
      else waiting.push(w);
    }
  });
  return {
    values,
    until: (what, ok, ms = 60_000) => {
      const newest = values.at(-1);
      if (newest !== undefined && ok(newest)) return Promise.resolve(newest);
      return new Promise((done, fail) => {
        const timer = setTimeout(() => fail(new Error(`${what}: not within ${ms} ms; newest: ${JSON.stringify(values.at(-1))?.slice(0, 2000)}`)), ms);
        waiting.push({
          ok,
          done: (value) => {
            clearTimeout(timer);
            done(value);
          },
        });
      });
    },
  };
}
