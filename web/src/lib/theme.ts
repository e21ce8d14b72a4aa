/** What a person chose; "system" follows the device. */
export type Theme = "system" | "light" | "dark";

// public/theme.js reads the same key before the first paint.
const key = "surgent.theme";

/** The chosen theme; "system" where none was chosen or storage is blocked. */
export function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(key);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

/** Applies a theme to the page at once and keeps it for later visits. */
export function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document
    .querySelector("meta[name=color-scheme]")
    ?.setAttribute("content", theme === "system" ? "light dark" : theme);
  try {
    if (theme === "system") localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch {
    // Storage is blocked: the theme holds for this page only.
  }
}

/** Follows a choice made in another tab; returns a function that stops it. */
export function followTheme(onChange: (theme: Theme) => void): () => void {
  const listener = (event: StorageEvent) => {
    if (event.key !== key) return;
    const theme = readTheme();
    applyTheme(theme);
    onChange(theme);
  };
  window.addEventListener("storage", listener);
  return () => window.removeEventListener("storage", listener);
}
