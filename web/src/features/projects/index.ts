export { DemoStrip } from "./DemoStrip";
export { PreparingFailedStrip, PreparingStrip } from "./PreparingStrip";
export { HomeView } from "./HomeView";
export { ProjectMenu } from "./ProjectMenu";
export { useBuild } from "./useBuild";
