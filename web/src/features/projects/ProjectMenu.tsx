import { Pencil, Trash2 } from "lucide-react";
import { type ReactNode, Suspense, useState } from "react";
import { lazyPart } from "@/lib/lazyPart";
import type { Project } from "@/sync";
import { Menu, MenuItem } from "@/ui";

const loadDialogs = () => import("./ProjectDialogs");
const RenameDialog = lazyPart(() => loadDialogs().then((module) => module.RenameDialog));
const DeleteDialog = lazyPart(() => loadDialogs().then((module) => module.DeleteDialog));

type Props = {
  project: Project;
  /** The button that opens it. */
  trigger: ReactNode;
  align?: "start" | "end";
  onDeleted?(): void;
};

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

/** Rename and Delete, the same on home and on the project's page. */
export function ProjectMenu({ project, trigger, align, onDeleted }: Props) {
  const [dialog, setDialog] = useState<"rename" | "delete">();
  const close = () => setDialog(undefined);
  return (
    <>
      <Menu trigger={trigger} align={align} onOpen={() => void loadDialogs().catch(() => {})}>
        <MenuItem icon={<Pencil {...icon} />} onSelect={() => setDialog("rename")}>
          Rename
        </MenuItem>
        <MenuItem icon={<Trash2 {...icon} />} danger onSelect={() => setDialog("delete")}>
          Delete
        </MenuItem>
      </Menu>
      <Suspense>
        {dialog === "rename" && <RenameDialog project={project} onClose={close} />}
        {dialog === "delete" && <DeleteDialog project={project} onClose={close} onDeleted={onDeleted} />}
      </Suspense>
    </>
  );
}
