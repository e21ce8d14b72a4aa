/** What home offers to somebody who starts: each fills the box and sends nothing. */
export const examples = [
  "A page where my team books the meeting room",
  "A habit tracker with a calendar of the month",
  "A quiz about capitals that keeps the best score",
];

/** What the demo model builds, per template; the box is filled with it so that the first build can't disappoint. */
export const demoPrompts: Record<string, string> = {
  "web-app": "Build a todo list. Keep items after a reload, and let me filter by done.",
  "static-page": "Build a page for a small bakery with its opening hours.",
};
