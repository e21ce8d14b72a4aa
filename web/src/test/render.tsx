import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { App } from "@/app/App";
import type { World } from "./world";

/** Opens an address of the whole page on a scripted server. */
export function open(world: World, address: string) {
  window.history.replaceState({}, "", address);
  const user = userEvent.setup();
  return { user, ...render(<App client={world.server.client} />) };
}

/** Names what axe finds wrong in the page; colours and layout are seen in a real browser only. */
export async function violations(): Promise<string[]> {
  const { violations: found } = await axe.run(document.body, {
    // The preview is another page.
    iframes: false,
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

/** Where the page stands now. */
export function address(): string {
  return window.location.pathname + window.location.search;
}
