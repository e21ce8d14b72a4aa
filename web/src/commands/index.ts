/** What a person can do, one object per action. */
export { CommandsProvider, useCommand, useCommands } from "./CommandsProvider";
export { KeyList } from "./KeyList";
export { setSingleKeys, showKeys, singleKeysOn } from "./keys";
export type { Command } from "./registry";
