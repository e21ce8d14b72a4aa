import { Dialog } from "@/ui";
import { useCommands } from "./CommandsProvider";
import { showKeys } from "./keys";
import { groups } from "./registry";

/** All keys of the page, by group. */
export function KeyListDialog({ onClose }: { onClose(): void }) {
  const commands = useCommands().filter((command) => command.keys !== undefined);
  return (
    <Dialog open onOpenChange={onClose} title="Keys">
      {groups.map((group) => {
        const rows = commands.filter((command) => command.group === group);
        if (rows.length === 0) return null;
        return (
          <section key={group} className="mb-4 last:mb-0">
            <h3 className="mb-1 text-meta font-medium text-ink-2">{group}</h3>
            <dl className="grid grid-cols-[1fr_auto] gap-x-4">
              {rows.map((command) => (
                <div key={command.id} className="col-span-2 grid grid-cols-subgrid border-t border-line py-1.5 text-step">
                  <dt>{command.title}</dt>
                  <dd>
                    <kbd className="text-mono text-ink-2">{showKeys(command.keys ?? "")}</kbd>
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
