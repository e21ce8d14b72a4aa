import { useCallback } from "react";
import { useLocation, useSearchParams } from "wouter";

export type Navigate = (to: string, how?: { replace?: boolean }) => void;

/** Goes to another screen of this page. */
export function useNavigate(): Navigate {
  const [, navigate] = useLocation();
  return useCallback((to, how) => navigate(to, how), [navigate]);
}

/** One value of the address's query, or null. */
export function useQueryValue(name: string): string | null {
  const [query] = useSearchParams();
  return query.get(name);
}
