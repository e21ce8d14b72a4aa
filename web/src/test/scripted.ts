import type { ConvexReactClient } from "convex/react";
import { type FunctionReference, getFunctionName } from "convex/server";
import { ConvexError, convexToJson, type Value } from "convex/values";
import type { FaultCode } from "@/sync";

type Args = Record<string, unknown>;
type Answer = (args: Args) => unknown;
type Reference = FunctionReference<"query" | "mutation" | "action">;
type Optimistic = (store: unknown, args: Args) => void;

/** A refusal as the server words it. */
export function refuse(code: FaultCode, message: string): ConvexError<{ code: string; message: string }> {
  return new ConvexError({ code, message });
}

/**
 * A server made of answers, under the real client hooks: tests and the page for looking use it in place of the line.
 * `on` answers a function; `changed` tells that answers may be different now, as a commit does. A query without an
 * answer never loads; a mutation or action without one fails.
 */
export class ScriptedServer {
  /** Every mutation and action that was asked for, in order. */
  readonly calls: { name: string; args: Args }[] = [];
  readonly address = "http://scripted.test";
  #answers = new Map<string, Answer>();
  #watchers = new Set<() => void>();
  #cache = new Map<string, { answered: boolean; value?: unknown; error?: unknown }>();
  #overlays = new Set<{ update: Optimistic; args: Args }>();
  #overlaid = new Map<string, unknown>();
  #connection = { isWebSocketConnected: true, hasEverConnected: true, connectionCount: 1, inflightMutations: 0, inflightActions: 0 };
  #connectionWatchers = new Set<(state: unknown) => void>();
  #valid = true;

  on(name: string, answer: Answer): this {
    this.#answers.set(name, answer);
    return this;
  }

  /** Answers are asked again and whoever watches a different one is told. */
  changed(): void {
    const before = this.#cache;
    this.#cache = new Map();
    // An equal answer keeps its identity, as the real client's does.
    for (const [key, old] of before) {
      const [name, args] = JSON.parse(key) as [string, Args];
      const fresh = this.#ask(name, args, key);
      if (fresh.answered && old.answered && !fresh.error && same(fresh.value, old.value)) this.#cache.set(key, old);
    }
    this.#draw();
  }

  /** Puts a stored session into the browser, as an earlier visit left it. */
  signIn(): this {
    localStorage.setItem("__convexAuthJWT_httpscriptedtest", "token");
    localStorage.setItem("__convexAuthRefreshToken_httpscriptedtest", "refresh");
    this.#valid = true;
    return this;
  }

  /** Ends the session from the server's side, under an open page: from now on it answers as to a stranger. */
  expire(): void {
    this.#valid = false;
    this.changed();
  }

  get signedIn(): boolean {
    return this.#valid && localStorage.getItem("__convexAuthJWT_httpscriptedtest") !== null;
  }

  setLine(up: boolean): void {
    const { connectionCount } = this.#connection;
    this.#connection = { ...this.#connection, isWebSocketConnected: up, connectionCount: connectionCount + (up ? 1 : 0) };
    for (const watcher of this.#connectionWatchers) watcher(this.#connection);
  }

  /** What the hooks take for the client. */
  get client(): ConvexReactClient {
    return this as unknown as ConvexReactClient;
  }

  // From here on: the client's own methods, as far as the hooks call them.

  readonly options = {};
  readonly logger = console;

  watchQuery(query: Reference, args: Args = {}) {
    const name = getFunctionName(query);
    const key = keyOf(name, args);
    return {
      onUpdate: (callback: () => void) => {
        this.#watchers.add(callback);
        queueMicrotask(() => {
          if (this.#cache.get(key) === undefined) this.#ask(name, args, key);
          if (this.#cache.get(key)?.answered) callback();
        });
        return () => this.#watchers.delete(callback);
      },
      localQueryResult: () => {
        if (this.#overlaid.has(key)) return this.#overlaid.get(key);
        const entry = this.#cache.get(key);
        if (entry?.error !== undefined) throw entry.error;
        return entry?.value;
      },
      journal: () => undefined,
    };
  }

  async mutation(reference: Reference, args: Args = {}, options?: { optimisticUpdate?: Optimistic }) {
    const name = getFunctionName(reference);
    this.calls.push({ name, args });
    const overlay = options?.optimisticUpdate && { update: options.optimisticUpdate, args };
    if (overlay) this.#overlays.add(overlay);
    this.#draw();
    try {
      return await this.#call(name, args);
    } finally {
      if (overlay) this.#overlays.delete(overlay);
      this.changed();
    }
  }

  async action(reference: Reference | string, args: Args = {}) {
    const name = getFunctionName(reference as Reference);
    this.calls.push({ name, args });
    try {
      return await this.#call(name, args);
    } finally {
      this.changed();
    }
  }

  async query(reference: Reference, args: Args = {}) {
    return await this.#call(getFunctionName(reference), args);
  }

  connectionState() {
    return this.#connection;
  }

  subscribeToConnectionState(callback: (state: unknown) => void) {
    this.#connectionWatchers.add(callback);
    return () => this.#connectionWatchers.delete(callback);
  }

  setAuth(_fetchToken: unknown, onChange: (signedIn: boolean) => void) {
    queueMicrotask(() => {
      onChange(this.#valid);
      this.changed();
    });
  }

  clearAuth() {
    queueMicrotask(() => this.changed());
  }

  async #call(name: string, args: Args): Promise<unknown> {
    if (name === "auth:signIn") this.#valid = true;
    const answer = this.#answers.get(name);
    if (answer === undefined) throw new Error(`Could not find public function for '${name}'.`);
    const value = await answer(args);
    if (value instanceof Error) throw value;
    return value;
  }

  #ask(name: string, args: Args, key: string) {
    const answer = this.#answers.get(name);
    const entry: { answered: boolean; value?: unknown; error?: unknown } = { answered: answer !== undefined };
    try {
      entry.value = answer?.(args);
      if (entry.value instanceof Error) entry.error = entry.value;
      // A promise is an answer that is still on its way.
      if (entry.value instanceof Promise) {
        void entry.value.then(() => this.changed());
        entry.value = undefined;
        entry.answered = false;
      }
    } catch (error) {
      entry.error = error;
    }
    this.#cache.set(key, entry);
    return entry;
  }

  #draw() {
    this.#overlaid = new Map();
    const store = {
      getQuery: (query: Reference, args: Args = {}) => this.#read(keyOf(getFunctionName(query), args)),
      getAllQueries: (query: Reference) =>
        [...this.#cache.keys()]
          .map((key) => JSON.parse(key) as [string, Args])
          .filter(([name]) => name === getFunctionName(query))
          .map(([name, args]) => ({ args, value: this.#read(keyOf(name, args)) })),
      setQuery: (query: Reference, args: Args, value: unknown) =>
        this.#overlaid.set(keyOf(getFunctionName(query), args), value),
    };
    for (const overlay of this.#overlays) overlay.update(store, overlay.args);
    for (const watcher of [...this.#watchers]) watcher();
  }

  #read(key: string): unknown {
    return this.#overlaid.has(key) ? this.#overlaid.get(key) : this.#cache.get(key)?.value;
  }
}

function keyOf(name: string, args: Args): string {
  return JSON.stringify([name, convexToJson(args as Value)]);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
