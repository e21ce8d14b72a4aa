import { isTyping, type Keys, singleKeysOn, spell } from "./keys";

/** Groups in the list of keys, in this order. */
export const groups = ["Prompt", "Go to", "Project", "Page"] as const;

/** One action of a person: it feeds the menu, the shortcut and the list of keys with the same words. */
export type Command = {
  /** Like "run.stop"; the last one registered under an id holds. */
  id: string;
  /** The words on the button. */
  title: string;
  group: (typeof groups)[number];
  keys?: Keys;
  /** Not now: the keys pass through. */
  disabled?: boolean;
  run(): void;
};

// How long the second key of a row may take.
const patience = 1200;

/** The commands that hold at present. Parts add theirs while they are in the page. */
export class Registry {
  #commands = new Map<string, Command>();
  #listeners = new Set<() => void>();
  #list: Command[] = [];
  #first: { key: string; at: number } | undefined;

  /** Adds a command; the returned function takes it away again. */
  add(command: Command): () => void {
    this.#commands.set(command.id, command);
    this.#changed();
    return () => {
      if (this.#commands.get(command.id) !== command) return;
      this.#commands.delete(command.id);
      this.#changed();
    };
  }

  /** All commands; the same array until something changes. */
  list = (): Command[] => this.#list;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Runs the command that a key belongs to, and says whether there was one. */
  press(event: KeyboardEvent): boolean {
    const key = spell(event);
    if (key === undefined || event.defaultPrevented) return false;
    const single = !key.startsWith("mod+");
    if (single && (isTyping(event.target) || !singleKeysOn())) return false;
    const row = this.#first !== undefined && event.timeStamp - this.#first.at < patience ? `${this.#first.key} ${key}` : undefined;
    this.#first = single ? { key, at: event.timeStamp } : undefined;
    const command = this.#find(row) ?? this.#find(key);
    if (command === undefined) return false;
    this.#first = undefined;
    event.preventDefault();
    command.run();
    return true;
  }

  #find(keys: string | undefined): Command | undefined {
    if (keys === undefined) return undefined;
    return this.#list.find((command) => command.keys === keys && !command.disabled);
  }

  #changed() {
    this.#list = [...this.#commands.values()];
    for (const listener of this.#listeners) listener();
  }
}
