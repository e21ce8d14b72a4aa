import { type RefObject, useEffect, useState } from "react";

/** The size of the app's frame in words, "390 × 812", while it is shown. `key` changes with the frame. */
export function useFrameSize(box: RefObject<HTMLElement | null>, on: boolean, key: number): string | undefined {
  const [size, setSize] = useState<string>();
  useEffect(() => {
    const frame = box.current?.querySelector("iframe");
    if (!on || !frame) {
      setSize(undefined);
      return;
    }
    const observer = new ResizeObserver(() => setSize(`${frame.clientWidth} × ${frame.clientHeight}`));
    observer.observe(frame);
    return () => observer.disconnect();
  }, [box, on, key]);
  return size;
}
