export { DemoStrip } from "./DemoStrip";
export { HomeView } from "./HomeView";
export { ProjectMenu } from "./ProjectMenu";
