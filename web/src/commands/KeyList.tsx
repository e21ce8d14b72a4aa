import { Suspense, useState } from "react";
import { lazyPart } from "@/lib/lazyPart";
import { useCommand } from "./CommandsProvider";

const KeyListDialog = lazyPart(() => import("./KeyListDialog").then((module) => module.KeyListDialog));

/** The list of keys that `?` opens. */
export function KeyList() {
  const [open, setOpen] = useState(false);
  useCommand({ id: "page.keys", title: "List of keys", group: "Page", keys: "?", run: () => setOpen(true) });
  return <Suspense>{open && <KeyListDialog onClose={() => setOpen(false)} />}</Suspense>;
}
