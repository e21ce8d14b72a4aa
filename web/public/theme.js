// Runs before the first paint. The page keeps both up to date afterwards (src/lib/theme.ts).
try {
  var theme = localStorage.getItem("surgent.theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
    // The browser paints the empty page by this one, before any style sheet has come.
    document.querySelector("meta[name=color-scheme]").content = theme;
  }
} catch {
  // Storage is blocked: the system's theme stands.
}
