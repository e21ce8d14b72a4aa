/**
 * The timeline of a session: rows, runs, checkpoints and the live stream become turns
 * of blocks that the chat draws as they are. Pure TypeScript: no React, no clock.
 */
export * from "./types";
export { parseRaw, parseTodos } from "./parse";
export { createTimeline, type Timeline, type TimelineInput } from "./turns";
export { hasMovingPart, partialInput, withLive } from "./live";
export { fold, type Folded } from "./fold";
export {
  countWord,
  exitCode,
  relative,
  stepTime,
  stepWords,
  toolName,
  type Right,
  type StepIcon,
  type StepWords,
} from "./words";
export { parsePatch, sumLines, type LineCounts, type PatchLine } from "./patch";
