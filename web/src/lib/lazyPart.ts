import { type ComponentType, lazy } from "react";

const tries = 3;
const pause = 400;

/**
 * Loads a part of the page when it is first drawn. A browser drops what it is fetching when the machine's network
 * changes, which also a starting sandbox does on the machine that it runs on, so a failed load is tried again.
 */
export function lazyPart<Props>(load: () => Promise<ComponentType<Props>>) {
  return lazy(async () => ({ default: await retry(load) }));
}

/** Loads something, with two more tries. */
export async function retry<T>(load: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await load();
    } catch (error) {
      if (attempt === tries) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause * attempt));
    }
  }
}
