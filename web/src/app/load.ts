/** The chunks of the screens; asking twice loads once. */
export const load = {
  home: () => import("./HomePage"),
  account: () => import("./AccountPage"),
  nowhere: () => import("./NotFoundPage"),
  project: () => import("./ProjectPage"),
};

/** Starts to load the screen of a path. A failure is met again, and shown, where the screen is drawn. */
export function preload(path: string): void {
  const screen = path.startsWith("/p/") ? load.project : path === "/settings" ? load.account : load.home;
  screen().catch(() => {});
}
