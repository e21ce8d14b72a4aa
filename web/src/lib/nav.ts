import { useCallback } from "react";
import { useLocation } from "wouter";

export type Navigate = (to: string, how?: { replace?: boolean }) => void;

/** Goes to another screen of this page. */
export function useNavigate(): Navigate {
  const [, navigate] = useLocation();
  return useCallback((to, how) => navigate(to, how), [navigate]);
}

// Set by the first step within the page: the router tells of each.
let walked = false;
if (typeof window !== "undefined") window.addEventListener("pushState", () => (walked = true), { once: true });

/**
 * Whether a screen was come to from another one and nothing on it has the focus: what led here is gone. A page that was
 * just loaded is left alone, so that its skip links come first.
 */
export function landed(): boolean {
  return walked && (document.activeElement === null || document.activeElement === document.body);
}

/** As a ref of a screen's main part, which needs `tabIndex={-1}`: takes the focus where the screen is come to. */
export function landHere(main: HTMLElement | null): void {
  if (main !== null && landed()) main.focus();
}
