import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { Markdown } from "./Markdown";

it("draws GFM without HTML", () => {
  render(
    <Markdown
      text={
        'A **bold** word, `code`, ~~gone~~.\n\n- [x] done\n- [ ] open\n\n| a |\n|---|\n| 1 |\n\n<b onclick="x()">raw</b>'
      }
    />,
  );
  expect(screen.getByText("bold").tagName).toBe("STRONG");
  expect(screen.getByRole("checkbox", { name: "Done" })).toBeChecked();
  expect(screen.getByRole("cell", { name: "1" })).toBeVisible();
  expect(document.querySelector("[onclick]")).toBeNull();
  expect(document.body.textContent).toContain('<b onclick="x()">raw</b>');
});

it("shows a picture only when asked, and where it comes from", () => {
  render(<Markdown text="![chart](https://pics.example/a.png)" />);
  expect(screen.queryByRole("img")).toBeNull();
  expect(screen.getByRole("button")).toHaveTextContent("Image from pics.example chart");
});
