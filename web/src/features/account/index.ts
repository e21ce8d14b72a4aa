export { AccountView } from "./AccountView";
