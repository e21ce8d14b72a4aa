/** The preview of a project's running app. */
export { PreviewPane, type PreviewPaneProps } from "./PreviewPane";
