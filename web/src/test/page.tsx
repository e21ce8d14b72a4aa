/**
 * The page on a scripted server, for looking at screens without a server: `npm run look`, then
 * /?world=<name> or /p/projects1?world=<name>. Never part of a build.
 */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app/App";
import "../index.css";
import { projectWorlds } from "./projectWorlds";
import { worlds } from "./worlds";

const name = new URLSearchParams(window.location.search).get("world") ?? sessionStorage.getItem("world") ?? "projects";
sessionStorage.setItem("world", name);
localStorage.removeItem("__convexAuthJWT_httpscriptedtest");
const world = ({ ...worlds, ...projectWorlds }[name] ?? worlds.projects)!();
(window as unknown as { world: unknown }).world = world;

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App client={world.server.client} />
  </StrictMode>,
);
