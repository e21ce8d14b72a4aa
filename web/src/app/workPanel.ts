import type { ReactNode } from "react";
import type { WorkTab } from "@/lib/place";
import type { TabItem } from "@/ui";

/** A tab of the work area and what it shows. A panel that was open once stays in the page, hidden. */
export type WorkPanel = TabItem & { id: WorkTab; panel: ReactNode };
