import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";
import { CommandsProvider } from "@/commands";
import type { Tab } from "@/lib/place";
import { violations } from "@/test/render";
import { ProjectLayout } from "./ProjectLayout";

/** Makes the window as wide as told, for the page's media queries. */
function setWidth(width: number) {
  vi.spyOn(window, "matchMedia").mockImplementation((query) => {
    const min = Number(/min-width: (\d+)px/.exec(query)?.[1] ?? 0);
    return { matches: width >= min, media: query, addEventListener() {}, removeEventListener() {} } as unknown as MediaQueryList;
  });
  Object.defineProperty(window, "innerWidth", { value: width, configurable: true });
}

function Page({ first }: { first?: Tab }) {
  const [tab, setTab] = useState<Tab | undefined>(first);
  return (
    <CommandsProvider>
      <ProjectLayout
        header={<header>head</header>}
        chat={
          <form aria-label="Prompt">
            <textarea id="prompt" aria-label="Prompt" />
          </form>
        }
        chatIcon={<svg aria-hidden />}
        chatNews
        panels={[
          { id: "preview", label: "Preview", icon: <svg aria-hidden />, panel: <p>the app</p> },
          { id: "files", label: "Files", icon: <svg aria-hidden />, panel: <p>the tree</p> },
          { id: "deployments", label: "Deployments", icon: <svg aria-hidden />, panel: <p>the list</p> },
        ]}
        tab={tab}
        onTab={setTab}
      />
    </CommandsProvider>
  );
}

describe("on a desk", () => {
  it("chat and work area stand side by side; a panel that was open stays in the page", async () => {
    setWidth(1440);
    const { container } = render(<Page />);
    expect(screen.getByRole("region", { name: "Chat" })).toBeVisible();
    expect(screen.getByText("the app")).toBeVisible();
    expect(screen.queryByText("the tree")).not.toBeInTheDocument();
    expect(screen.queryByRole("tab", { name: /Chat/ })).not.toBeInTheDocument();
    await userEvent.click(screen.getByRole("tab", { name: "Files" }));
    expect(screen.getByText("the tree")).toBeVisible();
    expect(screen.getByText("the app")).not.toBeVisible();
    await userEvent.click(screen.getByRole("tab", { name: "Preview" }));
    expect(screen.getByText("the tree")).not.toBeVisible();
    expect(container.querySelectorAll("main")).toHaveLength(1);
    expect(await violations()).toEqual([]);
  });

  it("the divider moves by arrow keys, between 360 px and half of the window, and is kept", async () => {
    setWidth(1000 * 1.2);
    const { unmount } = render(<Page />);
    const bar = screen.getByRole("separator", { name: "Width of the chat" });
    bar.focus();
    await userEvent.keyboard("{ArrowRight}");
    expect(bar).toHaveAttribute("aria-valuenow", "456");
    await userEvent.keyboard("{End}");
    expect(bar).toHaveAttribute("aria-valuenow", "600");
    unmount();
    render(<Page />);
    expect(screen.getByRole("separator")).toHaveAttribute("aria-valuenow", "600");
    await userEvent.dblClick(screen.getByRole("separator"));
    expect(screen.getByRole("separator")).toHaveAttribute("aria-valuenow", "440");
  });

  it("Ctrl+B hides the chat and shows it again", async () => {
    setWidth(1440);
    render(<Page />);
    await userEvent.keyboard("{Control>}b{/Control}");
    expect(screen.queryByRole("region", { name: "Chat" })).not.toBeInTheDocument();
    expect(screen.queryByRole("separator")).not.toBeInTheDocument();
    await userEvent.keyboard("{Control>}b{/Control}");
    expect(screen.getByRole("region", { name: "Chat" })).toBeVisible();
  });

  it("skip links lead to the prompt and to the work area", async () => {
    setWidth(1440);
    render(<Page />);
    await userEvent.tab();
    await userEvent.keyboard("{Enter}");
    expect(screen.getByRole("textbox", { name: "Prompt" })).toHaveFocus();
    await userEvent.click(screen.getByRole("link", { name: "Go to the preview" }));
    expect(screen.getByRole("region", { name: "Work area" })).toHaveFocus();
  });
});

describe("in one column", () => {
  it("the chat is the first tab and tells of news from the others", async () => {
    setWidth(800);
    render(<Page />);
    const chat = screen.getByRole("tab", { name: "Chat", selected: true });
    expect(screen.getAllByRole("tab")[0]).toBe(chat);
    expect(screen.getByRole("region", { name: "Chat" })).toBeVisible();
    await userEvent.click(screen.getByRole("tab", { name: "Preview" }));
    expect(screen.getByText("the app")).toBeVisible();
    expect(screen.queryByRole("region", { name: "Chat" })).not.toBeInTheDocument();
    expect(screen.getByRole("tab", { name: "Chat, news" })).toBeInTheDocument();
    expect(await violations()).toEqual([]);
  });
});

describe("on a phone", () => {
  it("a bar at the bottom chooses the part; the rest stands under More", async () => {
    setWidth(390);
    render(<Page />);
    const bar = screen.getByRole("navigation", { name: "Parts of the project" });
    expect(bar).toHaveTextContent("ChatPreviewFilesMore");
    expect(screen.getByRole("button", { name: "Chat" })).toHaveAttribute("aria-current", "page");
    await userEvent.click(screen.getByRole("button", { name: "Preview" }));
    expect(screen.getByText("the app")).toBeVisible();
    expect(screen.getByRole("button", { name: /News:\s*Chat/ })).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "More" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Deployments" }));
    expect(screen.getByText("the list")).toBeVisible();
    expect(await violations()).toEqual([]);
  });

  it("opens on the tab of the address", () => {
    setWidth(390);
    render(<Page first="files" />);
    expect(screen.getByText("the tree")).toBeVisible();
  });
});
