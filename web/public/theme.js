// Runs before the first paint. The page keeps this attribute up to date afterwards (src/lib/theme.ts).
try {
  var theme = localStorage.getItem("surgent.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme stands.
}
