import type { Refusal } from "@/sync";

export type Flow = "signIn" | "signUp";

/** What stands under the fields, or above the buttons when it concerns no field. */
export type Problems = { email?: string; password?: string; form?: string };

const shortest = 8;

/** What can be told before the server is asked. */
export function check(flow: Flow, email: string, password: string): Problems {
  const problems: Problems = {};
  if (email.trim() === "") problems.email = "Enter your email.";
  else if (!/^\S+@\S+$/.test(email.trim())) problems.email = "This is not an email address.";
  if (flow === "signUp" && password.length < shortest) problems.password = "At least 8 characters.";
  else if (password === "") problems.password = "Enter your password.";
  return problems;
}

/** What the server's refusal means, in words. */
export function explain(refusal: Refusal): Problems {
  switch (refusal.kind) {
    case "wrong":
      return { password: "Email or password is wrong." };
    case "taken":
      return { email: "This email has an account already." };
    case "short":
      return { password: "At least 8 characters." };
    case "limited":
      return { password: `Too many tries. Wait ${refusal.minutes} ${refusal.minutes === 1 ? "minute" : "minutes"}.` };
    case "other":
      return { form: refusal.message };
  }
}
