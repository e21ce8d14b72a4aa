import { useEffect, useState } from "react";

/** The present time in ms, renewed every `every` ms while `on`. Only the component that shows it draws again. */
export function useNow(on = true, every = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!on) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [on, every]);
  return now;
}
