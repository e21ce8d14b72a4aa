import { Eye, EyeOff } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useSignIn } from "@/sync";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { check, explain, type Flow, type Problems } from "./check";

export type SignInFormProps = {
  flow: Flow;
  /** Known already: the one whose session ended. */
  email?: string;
};

const labels: Record<Flow, [ready: string, busy: string]> = {
  signIn: ["Sign in", "Signing in"],
  signUp: ["Create account", "Creating account"],
};

/** Email and password. What is wrong stands under the field that it concerns; the email is kept. */
export function SignInForm({ flow, email: known = "" }: SignInFormProps) {
  const { password: signIn } = useSignIn();
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState("");
  const [shown, setShown] = useState(false);
  const [problems, setProblems] = useState<Problems>({});
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  useEffect(() => setProblems({}), [flow]);
  // A refusal moves to the field that it speaks of, so that it is read out and can be mended at once.
  useEffect(() => {
    form.current?.querySelector<HTMLInputElement>("input[aria-invalid=true]")?.focus();
  }, [problems]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const found = check(flow, email, password);
    setProblems(found);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    // A phone writes the first letter large; it is the same address.
    const refusal = await signIn(flow, email.trim().toLowerCase(), password);
    if (refusal !== undefined) {
      setBusy(false);
      setProblems(explain(refusal));
    }
  };

  const [ready, working] = labels[flow];
  return (
    <form ref={form} onSubmit={(event) => void submit(event)} noValidate className="flex flex-col gap-4">
      <Field
        label="Email"
        type="email"
        name="email"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus={known === ""}
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        error={problems.email}
      />
      <Field
        label="Password"
        type={shown ? "text" : "password"}
        name="password"
        autoComplete={flow === "signIn" ? "current-password" : "new-password"}
        autoFocus={known !== ""}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        error={problems.password}
        hint={flow === "signUp" ? "At least 8 characters." : undefined}
        end={<ShowPassword shown={shown} onChange={setShown} />}
      />
      {problems.form !== undefined && (
        <p role="alert" className="text-step text-bad">
          {problems.form}
        </p>
      )}
      <Button type="submit" look="primary" busy={busy} busyLabel={working} size="lg" className="mt-1 w-full">
        {ready}
      </Button>
    </form>
  );
}

function ShowPassword({ shown, onChange }: { shown: boolean; onChange(shown: boolean): void }) {
  const Icon = shown ? EyeOff : Eye;
  return (
    <button
      type="button"
      aria-label={shown ? "Hide password" : "Show password"}
      title={shown ? "Hide password" : "Show password"}
      onClick={() => onChange(!shown)}
      className="touch-square inline-flex size-7 items-center justify-center rounded-icon text-ink-2 hover:bg-sunken hover:text-ink"
    >
      <Icon size={16} strokeWidth={1.75} aria-hidden />
    </button>
  );
}
