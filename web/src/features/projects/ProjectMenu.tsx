import { Pencil, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Project } from "@/sync";
import { Menu, MenuItem } from "@/ui";
import { DeleteDialog } from "./DeleteDialog";
import { RenameDialog } from "./RenameDialog";

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
  const close = (open: boolean) => !open && setDialog(undefined);
  return (
    <>
      <Menu trigger={trigger} align={align}>
        <MenuItem icon={<Pencil {...icon} />} onSelect={() => setDialog("rename")}>
          Rename
        </MenuItem>
        <MenuItem icon={<Trash2 {...icon} />} danger onSelect={() => setDialog("delete")}>
          Delete
        </MenuItem>
      </Menu>
      <RenameDialog project={project} open={dialog === "rename"} onOpenChange={close} />
      <DeleteDialog project={project} open={dialog === "delete"} onOpenChange={close} onDeleted={onDeleted} />
    </>
  );
}
