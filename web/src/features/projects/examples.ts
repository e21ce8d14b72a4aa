export type Example = { text: string; /** Slug of the template that suits it. */ template: string };

/** What home offers to somebody who starts: each fills the box and sends nothing. */
export const examples: Example[] = [
  { text: "A page where my team books the meeting room", template: "web-app" },
  { text: "A habit tracker with a calendar of the month", template: "web-app" },
  { text: "A quiz about capitals that keeps the best score", template: "web-app" },
];

/** What the demo model builds; other examples would disappoint. The first of a template fills the box by itself. */
export const demoExamples: Example[] = [
  { text: "Build a todo list. Keep items after a reload, and let me filter by done.", template: "web-app" },
  { text: "A check list for moving house", template: "web-app" },
  { text: "Build a page for a small bakery with its opening hours.", template: "static-page" },
];
