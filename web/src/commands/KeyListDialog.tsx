import { Dialog } from "@/ui";
import { useCommands } from "./CommandsProvider";
import { showKeys } from "./keys";
import { type Command, groups } from "./registry";

/** All keys of the page, by group. */
export function KeyListDialog({ onClose }: { onClose(): void }) {
  const commands = useCommands().filter((command) => command.keys !== undefined);
  const rowsOf = (group: Command["group"]) => {
    const rows = commands.filter((command) => command.group === group);
    const known = rows.map(({ id, title, keys = "" }) => ({ id, title, keys: showKeys(keys) }));
    // Not a command: the first press only says what the second does.
    return known.some(({ id }) => id === "chat.send")
      ? [...known, { id: "stop", title: "Stop the run", keys: "Esc Esc" }]
      : known;
  };
  return (
    <Dialog open onOpenChange={onClose} title="Keys">
      {groups.map((group) => {
        const rows = rowsOf(group);
        if (rows.length === 0) return null;
        return (
          <section key={group} className="mb-4 last:mb-0">
            <h3 className="mb-1 text-meta font-medium text-ink-2">{group}</h3>
            <dl className="grid grid-cols-[1fr_auto] gap-x-4">
              {rows.map((command) => (
                <div key={command.id} className="col-span-2 grid grid-cols-subgrid border-t border-line py-1.5 text-step">
                  <dt>{command.title}</dt>
                  <dd className="text-right">
                    <kbd className="text-mono text-ink-2">{command.keys}</kbd>
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        );
      })}
    </Dialog>
  );
}
