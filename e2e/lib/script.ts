// What the scripted model answers in the walks. The first rule whose pattern
// meets the prompt is played.
import { call, say, type Rule } from "./model.ts";

// A page with a heading and a field.
export const app = (heading: string) => `export function App() {
  return (
    <main className="mx-auto max-w-xl p-8">
      <h1 className="text-3xl font-semibold">${heading}</h1>
      <label>Task <input aria-label="Add a task" className="border" /></label>
    </main>
  );
}
`;

const plan = (done: number) => ({
  todos: ["Write the list", "Style it", "Check the code"].map((content, i) => ({
    content,
    status: i < done ? "completed" : i === done ? "in_progress" : "pending",
    activeForm: content,
  })),
});

export const rules: Rule[] = [
  {
    prompt: "(?i)build a todo list",
    answers: [
      call("TodoWrite", plan(0), `I start with the list. ${"First the markup, then the state that it needs. ".repeat(6)}`, { delay_ms: 300 }),
      call("Read", { file_path: "/workspace/src/App.tsx" }),
      call("Write", { file_path: "/workspace/src/App.tsx", content: app("Today") }, undefined, { delay_ms: 5 }),
      call("TodoWrite", plan(1)),
      call("Edit", { file_path: "/workspace/src/App.tsx", old_string: "max-w-xl", new_string: "max-w-2xl" }),
      call("TodoWrite", plan(2)),
      call("Bash", { command: "for i in 1 2 3 4 5 6; do echo line $i; sleep 1; done; bun run lint" }),
      call("TodoWrite", plan(3)),
      say("The list is there. See `src/App.tsx:4`.", { delay_ms: 25 }),
    ],
  },
  {
    prompt: "(?i)second heading",
    answers: [
      call("Edit", { file_path: "/workspace/src/App.tsx", old_string: "Today", new_string: "Tomorrow" }, undefined, { first_delay_ms: 4000 }),
      say("Changed the heading."),
    ],
  },
  {
    // Longer than anybody waits: it is always stopped.
    prompt: "(?i)write slowly",
    answers: [say("A long answer that takes its time. ".repeat(400), { delay_ms: 120, chunk_bytes: 12 })],
  },
  {
    prompt: "(?i)through a restart",
    answers: [say(`${"An answer that is broken off and begun again. ".repeat(20)}End.`, { delay_ms: 150, chunk_bytes: 12 })],
  },
  { prompt: "(?i)what does", answers: [call("Read", { file_path: "src/App.tsx" }), say("It shows a heading and one field.")] },
  {
    prompt: "(?i)failing command",
    answers: [call("Bash", { command: "echo before; exit 1" }), say("The command failed.")],
  },
  {
    prompt: "(?i)busy",
    answers: [{ ...say("After all, done."), faults: [{ kind: "status" as const, status: 529 }, { kind: "status" as const, status: 529 }] }],
  },
  {
    prompt: "(?i)break the build",
    answers: [
      call("Read", { file_path: "/workspace/src/App.tsx" }),
      call("Write", { file_path: "/workspace/src/App.tsx", content: "export function App() { return <main>\n" }),
      say("Broken on purpose."),
    ],
  },
  {
    prompt: "(?i)mend the build",
    answers: [
      call("Read", { file_path: "/workspace/src/App.tsx" }),
      call("Write", { file_path: "/workspace/src/App.tsx", content: app("Mended") }),
      say("Mended."),
    ],
  },
  {
    prompt: "(?i)large files",
    answers: [
      call("Bash", { command: "head -c 2100000 /dev/zero > bytes.bin; head -c 12000000 /dev/zero | tr '\\0' a > letters.txt" }),
      say("Made two large files."),
    ],
  },
  {
    prompt: "(?i)rename the heading",
    answers: [
      call("Read", { file_path: "/workspace/src/App.tsx" }),
      call("Edit", { file_path: "/workspace/src/App.tsx", old_string: "Mended", new_string: "Renamed" }),
      say("Renamed the heading."),
    ],
  },
  {
    prompt: "(?i)hostile text",
    answers: [say("<script>window.hacked = 1</script> ![x](http://tracker.example.test/p.png) and text.")],
  },
];
