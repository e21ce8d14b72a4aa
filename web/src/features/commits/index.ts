/** Checkpoints as the chat shows them. */
export { CheckpointCard, type CheckpointCardProps } from "./CheckpointCard";
