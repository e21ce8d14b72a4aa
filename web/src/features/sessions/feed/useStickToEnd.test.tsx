import { act, render } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { type Stick, useStickToEnd } from "./useStickToEnd";

// A list in a box, with a layout that the test sets.
function open() {
  let resized = () => {};
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        resized = callback;
      }
      observe() {}
      disconnect() {}
    },
  );
  let stick: Stick | undefined;
  function List() {
    const own = useStickToEnd();
    stick = own;
    return (
      <div ref={own.scroller} data-testid="box">
        <div ref={own.content}>
          <button type="button" aria-expanded={false} data-testid="row" />
        </div>
      </div>
    );
  }
  const page = render(<List />);
  const box = page.getByTestId("box");
  let top = 0;
  const clamp = (to: number) => (top = Math.max(0, Math.min(to, box.scrollHeight - box.clientHeight)));
  Object.defineProperty(box, "scrollTop", { get: () => top, set: clamp });
  const layout = (size: { scrollHeight: number; clientHeight: number }) => {
    for (const [name, value] of Object.entries(size)) Object.defineProperty(box, name, { value, configurable: true });
    clamp(box.scrollTop);
  };
  const scroll = (top: number) => {
    box.scrollTop = top;
    act(() => void box.dispatchEvent(new Event("scroll")));
  };
  return {
    stuck: () => stick?.stuck,
    layout,
    scroll,
    resized: () => act(() => resized()),
    toggle: () => page.getByTestId("row").click(),
    top: () => box.scrollTop,
  };
}

test("a reader's way up lets go of the end", () => {
  const list = open();
  list.layout({ scrollHeight: 2000, clientHeight: 400 });
  list.resized();
  list.scroll(1600);
  list.scroll(1200);
  expect(list.stuck()).toBe(false);
});

test("a prompt box that shrinks as its long prompt is sent does not", () => {
  const list = open();
  list.layout({ scrollHeight: 2000, clientHeight: 400 });
  list.resized();
  list.scroll(1600);
  // The box gives its room to the list, which holds its place for that by scrolling up, and grows.
  list.layout({ scrollHeight: 2400, clientHeight: 720 });
  list.scroll(1280);
  list.resized();
  expect(list.stuck()).toBe(true);
});

test("a row that the reader opens stays where it is, and the end is held again once it is in sight", () => {
  const list = open();
  list.layout({ scrollHeight: 2000, clientHeight: 400 });
  list.resized();
  list.scroll(1600);
  list.toggle();
  list.layout({ scrollHeight: 2300, clientHeight: 400 });
  list.resized();
  expect(list.stuck()).toBe(false);
  expect(list.top()).toBe(1600);
  list.toggle();
  list.layout({ scrollHeight: 2000, clientHeight: 400 });
  list.resized();
  expect(list.stuck()).toBe(true);
});

test("a box that grows while more comes below keeps the end", () => {
  const list = open();
  list.layout({ scrollHeight: 2000, clientHeight: 400 });
  list.resized();
  list.scroll(1600);
  list.layout({ scrollHeight: 2000, clientHeight: 420 });
  list.resized();
  // Its own scroll event is a frame late.
  list.layout({ scrollHeight: 2100, clientHeight: 420 });
  list.scroll(list.top());
  expect(list.stuck()).toBe(true);
});
