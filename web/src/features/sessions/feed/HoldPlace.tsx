import { Component, type ReactNode, type RefObject } from "react";

type HoldPlaceProps = {
  scroller: RefObject<HTMLElement | null>;
  /** Changes when rows come in above. */
  firstKey: string | undefined;
  children: ReactNode;
};

type Mark = { node: Element; top: number };

/**
 * Holds the reader's place by what is on the screen, not by pixels, when older rows come in above. A class, because
 * only that can look at the page in the moment before it changes.
 */
export class HoldPlace extends Component<HoldPlaceProps> {
  override getSnapshotBeforeUpdate(before: HoldPlaceProps): Mark | null {
    const box = this.props.scroller.current;
    return box && before.firstKey !== this.props.firstKey ? mark(box) : null;
  }

  override componentDidUpdate(_before: HoldPlaceProps, _state: unknown, held: Mark | null): void {
    const box = this.props.scroller.current;
    if (!box || !held?.node.isConnected) return;
    const moved = held.node.getBoundingClientRect().top - held.top;
    if (Math.abs(moved) >= 1) box.scrollTop += moved;
  }

  override render(): ReactNode {
    return this.props.children;
  }
}

// Turns are looked at before rows: asking for a row of a turn that is skipped would lay that out.
function mark(box: HTMLElement): Mark | null {
  const edge = box.getBoundingClientRect().top;
  for (const turn of box.querySelectorAll(".turn")) {
    if (turn.getBoundingClientRect().bottom <= edge) continue;
    for (const row of turn.querySelectorAll(".turn-row:not(.turn-prompt)")) {
      const rect = row.getBoundingClientRect();
      if (rect.bottom > edge) return { node: row, top: rect.top };
    }
  }
  return null;
}
