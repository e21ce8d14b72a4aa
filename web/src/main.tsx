import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { openClient } from "./sync";
import "./index.css";

// After an update of the server an open page asks for parts that are gone: it loads itself anew, once in ten seconds.
window.addEventListener("vite:preloadError", (event) => {
  const last = Number(sessionStorage.getItem("surgent.reloaded"));
  if (Date.now() - last < 10_000) return;
  event.preventDefault();
  sessionStorage.setItem("surgent.reloaded", String(Date.now()));
  window.location.reload();
});

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <App client={openClient()} />
  </StrictMode>,
);
