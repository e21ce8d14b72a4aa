import { useEffect, useState } from "react";

type Theme = "light" | "dark";

function initial(): Theme {
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "light" || kept === "dark") return kept;
  } catch {
    // The browser keeps nothing for this page.
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** The theme: the system's, until somebody chooses. */
export function useTheme() {
  const [theme, setTheme] = useState(initial);

  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);

  const flip = () => {
    const next = theme === "dark" ? "light" : "dark";
    setTheme(next);
    try {
      localStorage.setItem("theme", next);
    } catch {
      // Then the choice lasts as long as the tab.
    }
  };
  return { theme, flip };
}
