import { CircleAlert } from "lucide-react";
import { linkButtonClass, Strip } from "@/ui";

/** Why something that was pressed in the header didn't happen. */
export function RefusedStrip({ words, onClose }: { words: string; onClose(): void }) {
  return (
    <div role="alert">
      <Strip
        tone="bad"
        icon={<CircleAlert size={16} strokeWidth={1.75} aria-hidden />}
        action={
          <button type="button" className={linkButtonClass} onClick={onClose}>
            Close
          </button>
        }
      >
        {words}
      </Strip>
    </div>
  );
}
