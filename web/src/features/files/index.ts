/** The project's files, to read. */
export { type FileActivity, quiet } from "./activity";
export { FilesPane, type FilesPaneProps } from "./FilesPane";
