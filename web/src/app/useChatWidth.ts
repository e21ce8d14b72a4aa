import { useEffect, useState } from "react";

const first = 440;
const min = 360;
const key = "surgent.chat.width";

/** The width of the chat column: 440 px at first, at least 360, at most half of the window; kept in this browser. */
export function useChatWidth() {
  const [wanted, setWanted] = useState(read);
  const [max, setMax] = useState(half);
  useEffect(() => {
    const listener = () => setMax(half());
    window.addEventListener("resize", listener);
    return () => window.removeEventListener("resize", listener);
  }, []);
  const set = (value: number) => {
    setWanted(value);
    try {
      localStorage.setItem(key, String(value));
    } catch {
      // Storage is blocked: the width holds for this page.
    }
  };
  return { value: Math.min(wanted, max), min, max, onChange: set, onReset: () => set(first) };
}

function half(): number {
  return Math.max(min, Math.floor(window.innerWidth / 2));
}

function read(): number {
  try {
    const stored = Number(localStorage.getItem(key));
    return stored >= min ? stored : first;
  } catch {
    return first;
  }
}
