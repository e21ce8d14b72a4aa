/** The chat of a session: its timeline, its prompt box, and the menu of sessions. */
export { Chat, type ChatProps } from "./Chat";
export { addToDraft, setDraft } from "./draft";
export { SessionsMenu } from "./SessionsMenu";
