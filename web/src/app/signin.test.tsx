import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { address, open, violations } from "@/test/render";
import { makeWorld } from "@/test/world";

const signedOut = () => makeWorld({ user: null });
const thrown = (text: string) => new Error(`[Request ID: 00] Server Error\nUncaught Error: ${text}`);

describe("sign-in", () => {
  it("is where a stranger lands, with the email focused and the way back kept", async () => {
    open(signedOut(), "/p/projects1?tab=files");
    expect(await screen.findByRole("heading", { name: "Sign in to Surgent" })).toBeInTheDocument();
    expect(screen.getByLabelText("Email")).toHaveFocus();
    expect(address()).toBe("/sign-in?next=%2Fp%2Fprojects1%3Ftab%3Dfiles");
    expect(document.title).toBe("Sign in · Surgent");
    expect(await violations()).toEqual([]);
  });

  it("says under the field that email or password is wrong, and keeps the email", async () => {
    const world = signedOut();
    world.server.on("auth:signIn", () => thrown("InvalidSecret"));
    const { user } = open(world, "/sign-in");
    await user.type(await screen.findByLabelText("Email"), "mara@example.com");
    await user.type(screen.getByLabelText("Password"), "not it{Enter}");
    expect(await screen.findByText("Email or password is wrong.")).toBeInTheDocument();
    expect(screen.getByLabelText("Email")).toHaveValue("mara@example.com");
    expect(screen.getByLabelText("Password")).toHaveAccessibleDescription("Email or password is wrong.");
    expect(screen.getByLabelText("Password")).toHaveFocus();
    expect(await violations()).toEqual([]);
  });

  it.each([
    ["TooManyFailedAttempts", "Too many tries. Wait 6 minutes."],
    ["Invalid password", "At least 8 characters."],
    ["Account mara@example.com already exists", "This email has an account already."],
  ])("says what %s means", async (text, words) => {
    const world = signedOut();
    world.server.on("auth:signIn", () => thrown(text));
    const { user } = open(world, "/sign-in?new=1");
    await user.type(await screen.findByLabelText("Email"), "mara@example.com");
    await user.type(screen.getByLabelText("Password"), "long enough{Enter}");
    expect(await screen.findByText(words, { selector: "[aria-live]" })).toBeInTheDocument();
  });

  it("asks the server nothing about a password that is too short", async () => {
    const world = signedOut();
    const { user } = open(world, "/sign-in?new=1");
    await user.type(await screen.findByLabelText("Email"), "mara@example.com");
    await user.type(screen.getByLabelText("Password"), "short{Enter}");
    expect(screen.getByLabelText("Password")).toBeInvalid();
    expect(screen.getByText("At least 8 characters.")).toBeInTheDocument();
    expect(world.server.calls).toEqual([]);
  });

  it("makes an account with the keyboard alone and opens home with the prompt focused", async () => {
    const world = signedOut();
    const { user } = open(world, "/");
    await screen.findByLabelText("Email");
    await user.click(screen.getByRole("link", { name: "Create an account" }));
    await user.type(await screen.findByLabelText("Email"), "Mara.Klein@example.com");
    await user.tab();
    await user.keyboard("a long password{Enter}");
    expect(await screen.findByRole("textbox", { name: "What should it do?" })).toHaveFocus();
    expect(address()).toBe("/");
    expect(world.server.calls[0]).toEqual({
      name: "auth:signIn",
      args: {
        provider: "password",
        params: { flow: "signUp", email: "mara.klein@example.com", password: "a long password" },
        verifier: undefined,
      },
    });
  });

  it("lets a guest go on to the page that was asked for", async () => {
    const { user } = open(signedOut(), "/settings");
    await user.click(await screen.findByRole("button", { name: "Continue as guest" }));
    expect(await screen.findByRole("heading", { name: "Account", level: 2 })).toBeInTheDocument();
    expect(address()).toBe("/settings");
    expect(screen.getAllByText("Guest")).not.toHaveLength(0);
  });

  it("shows the password on request", async () => {
    const { user } = open(signedOut(), "/sign-in");
    await user.type(await screen.findByLabelText("Password"), "secret");
    await user.click(screen.getByRole("button", { name: "Show password" }));
    expect(screen.getByLabelText("Password")).toHaveAttribute("type", "text");
  });

  it("is passed over by somebody who is signed in, and never leads to another host", async () => {
    open(makeWorld(), "/sign-in?next=//evil.test");
    await screen.findByRole("textbox", { name: "What should it do?" });
    expect(address()).toBe("/");
  });

  it.each([
    ["/login", "/sign-in"],
    ["/signup", "/sign-in?new=1"],
  ])("is where the old address %s leads", async (old, now) => {
    open(signedOut(), old);
    await waitFor(() => expect(address()).toBe(now));
  });
});
