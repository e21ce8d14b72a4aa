/** Loaded when the menu of a project opens. */
export { DeleteDialog } from "./DeleteDialog";
export { RenameDialog } from "./RenameDialog";
