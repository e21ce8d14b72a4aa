import { counting } from "@/lib/time";
import { useNow } from "@/lib/useNow";

/** Seconds that count while something works. Only this word is drawn again. */
export function Seconds({ since }: { since: number }) {
  const now = useNow();
  const text = counting(now - since);
  return <time dateTime={`PT${Math.max(0, Math.floor((now - since) / 1000))}S`}>{text}</time>;
}
