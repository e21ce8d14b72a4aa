import { act, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";
import { violations } from "@/test/render";
import {
  Announcer,
  Button,
  CopyButton,
  Dialog,
  ErrorBoundary,
  Field,
  IconButton,
  Menu,
  MenuChoice,
  MenuItem,
  MenuOption,
  Note,
  panelProps,
  Segmented,
  Separator,
  TabList,
  TooltipProvider,
  useAnnounce,
} from ".";

describe("Button", () => {
  it("that is busy can't be pressed, says its work and keeps both widths", async () => {
    const onClick = vi.fn();
    const { rerender } = render(
      <Button busyLabel="Saving" onClick={onClick}>
        Save
      </Button>,
    );
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    rerender(
      <Button busy busyLabel="Saving" onClick={onClick}>
        Save
      </Button>,
    );
    const button = screen.getByRole("button");
    await userEvent.click(button);
    expect(onClick).toHaveBeenCalledTimes(1);
    expect(button).toHaveAttribute("aria-busy", "true");
    expect(within(button).getByText("Save")).toHaveClass("invisible");
    expect(within(button).getByText("Saving")).not.toHaveClass("invisible");
  });

  it("in a form sends it once", async () => {
    const onSubmit = vi.fn((event: React.FormEvent) => event.preventDefault());
    render(
      <form onSubmit={onSubmit}>
        <Button type="submit" busy>
          Save
        </Button>
      </form>,
    );
    await userEvent.click(screen.getByRole("button"));
    expect(onSubmit).not.toHaveBeenCalled();
  });
});

describe("Field", () => {
  it("is read with its hint, then with its error", async () => {
    const { rerender } = render(<Field label="Name" hint="Three letters at least." />);
    const field = screen.getByLabelText("Name");
    expect(field).toHaveAccessibleDescription("Three letters at least.");
    expect(field).toBeValid();
    rerender(<Field label="Name" hint="Three letters at least." error="Taken." />);
    expect(field).toHaveAccessibleDescription("Taken.");
    expect(field).toBeInvalid();
    expect(await violations()).toEqual([]);
  });
});

describe("IconButton", () => {
  it("has its name for readers and shows it on focus", async () => {
    render(
      <TooltipProvider>
        <IconButton label="Reload" icon={<svg aria-hidden />} />
      </TooltipProvider>,
    );
    await userEvent.tab();
    expect(screen.getByRole("button", { name: "Reload" })).toHaveFocus();
    expect(await screen.findByRole("tooltip")).toHaveTextContent("Reload");
  });
});

describe("Segmented", () => {
  it("is one tab stop that arrow keys move", async () => {
    function Example() {
      const [mode, setMode] = useState<"code" | "ask">("code");
      return (
        <Segmented
          label="Mode"
          value={mode}
          onChange={setMode}
          options={[
            { value: "code", label: "Code" },
            { value: "ask", label: "Ask" },
          ]}
        />
      );
    }
    render(<Example />);
    await userEvent.tab();
    expect(screen.getByRole("radio", { name: "Code" })).toHaveFocus();
    await userEvent.keyboard("{ArrowRight}");
    expect(screen.getByRole("radio", { name: "Ask" })).toBeChecked();
    expect(screen.getByRole("group", { name: "Mode" })).toBeInTheDocument();
    expect(await violations()).toEqual([]);
  });
});

describe("Separator", () => {
  it("moves by 16 px, to its ends, and back on a double click", async () => {
    const onChange = vi.fn();
    const onReset = vi.fn();
    render(<Separator label="Width of the chat" value={440} min={360} max={445} onChange={onChange} onReset={onReset} />);
    const bar = screen.getByRole("separator", { name: "Width of the chat" });
    bar.focus();
    await userEvent.keyboard("{ArrowLeft}{ArrowRight}{Home}{End}x");
    expect(onChange.mock.calls.map(([value]) => value)).toEqual([424, 445, 360, 445]);
    await userEvent.dblClick(bar);
    expect(onReset).toHaveBeenCalled();
    expect(bar).toHaveAttribute("aria-valuenow", "440");
    expect(await violations()).toEqual([]);
  });

  it("follows the pointer while it is held", async () => {
    const onChange = vi.fn();
    render(<Separator label="Width" value={440} min={360} max={700} onChange={onChange} onReset={() => {}} />);
    const bar = screen.getByRole("separator");
    await userEvent.pointer([
      { target: bar, coords: { clientX: 440 }, keys: "[MouseLeft>]" },
      { target: bar, coords: { clientX: 500 } },
      { target: bar, keys: "[/MouseLeft]" },
      { target: bar, coords: { clientX: 600 } },
    ]);
    expect(onChange).toHaveBeenLastCalledWith(500);
  });
});

describe("TabList", () => {
  it("is one tab stop; arrows move, Enter opens", async () => {
    const onChange = vi.fn();
    render(
      <>
        <TabList
          label="Work area"
          value="preview"
          onChange={onChange}
          items={[
            { id: "preview", label: "Preview" },
            { id: "files", label: "Files", count: 2, news: true },
          ]}
        />
        <div {...panelProps("preview")}>page</div>
        <div {...panelProps("files")} hidden />
      </>,
    );
    await userEvent.tab();
    expect(screen.getByRole("tab", { name: "Preview", selected: true })).toHaveFocus();
    await userEvent.keyboard("{ArrowRight}");
    expect(screen.getByRole("tab", { name: /Files/ })).toHaveFocus();
    expect(onChange).not.toHaveBeenCalled();
    await userEvent.keyboard("{Enter}");
    expect(onChange).toHaveBeenCalledWith("files");
    expect(screen.getByRole("tabpanel", { name: "Preview" })).toHaveTextContent("page");
    expect(await violations()).toEqual([]);
  });
});

describe("Dialog", () => {
  function Example({ mustAnswer }: { mustAnswer?: boolean }) {
    const [open, setOpen] = useState(false);
    return (
      <>
        <Button onClick={() => setOpen(true)}>Open</Button>
        <Dialog open={open} onOpenChange={setOpen} title="Rename" description="The address stays." mustAnswer={mustAnswer}>
          <Field label="Name" />
        </Dialog>
      </>
    );
  }

  it("takes the focus, closes on Esc and gives the focus back", async () => {
    render(<Example />);
    await userEvent.click(screen.getByRole("button", { name: "Open" }));
    const dialog = screen.getByRole("dialog", { name: "Rename" });
    expect(dialog).toHaveAccessibleDescription("The address stays.");
    expect(dialog).toContainElement(document.activeElement as HTMLElement);
    expect(await violations()).toEqual([]);
    await userEvent.keyboard("{Escape}");
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    await waitFor(() => expect(screen.getByRole("button", { name: "Open" })).toHaveFocus());
  });

  it("that must be answered stays", async () => {
    render(<Example mustAnswer />);
    await userEvent.click(screen.getByRole("button", { name: "Open" }));
    await userEvent.keyboard("{Escape}");
    expect(screen.getByRole("dialog")).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Close" })).not.toBeInTheDocument();
  });
});

describe("Menu", () => {
  it("opens by key, tells the choice, and acts", async () => {
    const onRename = vi.fn();
    const onChoose = vi.fn();
    render(
      <Menu trigger={<Button>More</Button>}>
        <MenuItem onSelect={onRename}>Rename</MenuItem>
        <MenuChoice value="a" onChange={onChoose}>
          <MenuOption value="a">First</MenuOption>
          <MenuOption value="b">Second</MenuOption>
        </MenuChoice>
      </Menu>,
    );
    await userEvent.tab();
    await userEvent.keyboard("{Enter}");
    expect(await screen.findByRole("menuitemradio", { name: "First", checked: true })).toBeInTheDocument();
    expect(await violations()).toEqual([]);
    await userEvent.keyboard("{Enter}");
    expect(onRename).toHaveBeenCalled();
  });
});

it("a dialog that a menu opened gives the focus back to the menu's button", async () => {
  function Example() {
    const [open, setOpen] = useState(false);
    return (
      <>
        <Menu trigger={<Button>More</Button>}>
          <MenuItem onSelect={() => setOpen(true)}>Rename</MenuItem>
        </Menu>
        <Dialog open={open} onOpenChange={setOpen} title="Rename">
          <Field label="Name" autoFocus />
        </Dialog>
      </>
    );
  }
  render(<Example />);
  await userEvent.click(screen.getByRole("button", { name: "More" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Rename" }));
  await waitFor(() => expect(screen.getByLabelText("Name")).toHaveFocus());
  await userEvent.keyboard("{Escape}");
  await waitFor(() => expect(screen.getByRole("button", { name: "More" })).toHaveFocus());
});

describe("ErrorBoundary", () => {
  it("keeps a failure in its part, offers the way on, and tries again", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    let failing = true;
    function Part() {
      if (failing) throw new Error("boom");
      return <p>The part</p>;
    }
    const { rerender } = render(
      <>
        <p>Beside it</p>
        <ErrorBoundary requestId={() => "0f1e"} resetKey="one">
          <Part />
        </ErrorBoundary>
      </>,
    );
    expect(screen.getByText("This part failed.")).toBeInTheDocument();
    expect(screen.getByText("0f1e")).toBeInTheDocument();
    expect(screen.getByText("Beside it")).toBeInTheDocument();
    failing = false;
    await userEvent.click(screen.getByRole("button", { name: "Reload this part" }));
    expect(screen.getByText("The part")).toBeInTheDocument();

    failing = true;
    rerender(
      <ErrorBoundary resetKey="one">
        <Part />
      </ErrorBoundary>,
    );
    expect(screen.getByText("This part failed.")).toBeInTheDocument();
    failing = false;
    rerender(
      <ErrorBoundary resetKey="two">
        <Part />
      </ErrorBoundary>,
    );
    expect(screen.getByText("The part")).toBeInTheDocument();
  });
});

describe("CopyButton", () => {
  it("says that it copied, or that the browser refused", async () => {
    const user = userEvent.setup();
    render(<CopyButton text={() => "abc"}>Copy</CopyButton>);
    await user.click(screen.getByRole("button", { name: "Copy" }));
    expect(await screen.findByRole("button", { name: "Copied" })).toBeInTheDocument();
    expect(await navigator.clipboard.readText()).toBe("abc");
    vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("no"));
    await user.click(screen.getByRole("button"));
    expect(await screen.findByRole("button", { name: "The browser refused" })).toBeInTheDocument();
  });
});

describe("Note", () => {
  it("has its first line, its words and its actions", () => {
    render(
      <Note tone="warn" title="The model is busy" actions={<Button>Try now</Button>}>
        Waiting costs nothing.
      </Note>,
    );
    expect(screen.getByText("The model is busy")).toBeInTheDocument();
    expect(screen.getByRole("button", { name: "Try now" })).toBeInTheDocument();
  });
});

describe("Announcer", () => {
  it("has both regions from the start and says what failed in the louder one", async () => {
    function Example() {
      const announce = useAnnounce();
      return (
        <>
          <Button onClick={() => announce("Working")}>Start</Button>
          <Button onClick={() => announce("The deploy failed.", "alert")}>Fail</Button>
        </>
      );
    }
    render(
      <Announcer>
        <Example />
      </Announcer>,
    );
    expect(screen.getByRole("status")).toHaveTextContent("");
    await userEvent.click(screen.getByRole("button", { name: "Start" }));
    await userEvent.click(screen.getByRole("button", { name: "Fail" }));
    expect(screen.getByRole("status")).toHaveTextContent("Working");
    expect(screen.getByRole("alert")).toHaveTextContent("The deploy failed.");
  });

  it("takes a sentence away again, so that nobody comes across old news", async () => {
    vi.useFakeTimers();
    let announce!: ReturnType<typeof useAnnounce>;
    function Example() {
      announce = useAnnounce();
      return null;
    }
    render(
      <Announcer>
        <Example />
      </Announcer>,
    );
    act(() => announce("Working"));
    act(() => vi.advanceTimersByTime(9000));
    act(() => announce("Failed: no key", "alert"));
    expect(screen.getByRole("status")).toHaveTextContent("Working");
    act(() => vi.advanceTimersByTime(1000));
    expect(screen.getByRole("status")).toHaveTextContent(/^$/);
    expect(screen.getByRole("alert")).toHaveTextContent("Failed: no key");
    act(() => vi.advanceTimersByTime(9000));
    expect(screen.getByRole("alert")).toHaveTextContent(/^$/);
    vi.useRealTimers();
  });
});
