/** Deploying the project. */
export { DeployButton } from "./DeployButton";
export { DeployDialog, type DeployDialogProps } from "./DeployDialog";
