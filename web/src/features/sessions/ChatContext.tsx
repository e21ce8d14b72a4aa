import { createContext, type ReactNode, useContext } from "react";
import type { TimelineCommit, Turn } from "@/lib/timeline";

/** What the parts of the chat ask of the whole. */
export interface ChatParts {
  /** Stands for the person in the rail. */
  initial: string;
  /** Whether the reader is at the end of the feed. */
  atEnd(): boolean;
  /** Sends the prompt of a failed run again. */
  retry(turn: Turn): void;
  /** Makes another session, with this text in its prompt box. */
  startAnew(text: string): void;
  renderCheckpoint(commit: TimelineCommit, turn: Turn): ReactNode;
}

const Context = createContext<ChatParts>({
  initial: "",
  atEnd: () => true,
  retry: () => {},
  startAnew: () => {},
  renderCheckpoint: () => null,
});

export const ChatProvider = Context.Provider;

export function useChat(): ChatParts {
  return useContext(Context);
}
