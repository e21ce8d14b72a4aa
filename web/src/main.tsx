import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { followTheme } from "./lib/theme";
import { openClient } from "./sync";
import "./index.css";

// The sign-in library asks before the page is left while it renews a token. Nothing is lost by leaving: a renewal whose
// answer never arrived is given again.
window.addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), { capture: true });

// After an update of the server an open page asks for parts that are gone: it loads itself anew, once in ten seconds.
window.addEventListener("vite:preloadError", (event) => {
  const last = Number(sessionStorage.getItem("surgent.reloaded"));
  if (Date.now() - last < 10_000) return;
  event.preventDefault();
  sessionStorage.setItem("surgent.reloaded", String(Date.now()));
  window.location.reload();
});

// A theme that is chosen in one tab holds in all of them.
followTheme(() => {});

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <App client={openClient()} />
  </StrictMode>,
);
