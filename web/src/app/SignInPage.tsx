import { useState } from "react";
import { useSearch } from "wouter";
import { SignInForm } from "@/features/signin";
import { safeNext } from "@/lib/place";
import { useTitle } from "@/lib/useTitle";
import { api, useResult, useSignIn } from "@/sync";
import { Button } from "@/ui/Button";
import { Link, linkClass } from "@/ui/Link";
import { Mark } from "@/ui/Mark";

/** Sign in, create an account, or go on as a guest; afterwards the page that `next` names opens. */
export function SignInPage() {
  const query = new URLSearchParams(useSearch());
  const isNew = query.has("new");
  useTitle(isNew ? "Create an account" : "Sign in");
  return (
    <main className="flex flex-1 flex-col items-center px-4 pt-[min(16dvh,144px)] pb-12">
      <div className="flex w-full max-w-[360px] flex-col">
        <Mark size={32} />
        <h1 className="mt-5 mb-6 text-home font-bold tracking-[-0.01em]">
          {isNew ? "Create an account" : "Sign in to Surgent"}
        </h1>
        <SignInForm flow={isNew ? "signUp" : "signIn"} />
        <div className="mt-3 flex flex-col gap-3">
          <OtherWays next={safeNext(query.get("next"))} />
        </div>
        <p className="mt-6 text-body text-ink-2">
          {isNew ? "Have an account? " : "New here? "}
          <Link href={otherFlow(query, isNew)} className={linkClass}>
            {isNew ? "Sign in" : "Create an account"}
          </Link>
        </p>
      </div>
    </main>
  );
}

function OtherWays({ next }: { next: string }) {
  const { guest, google } = useSignIn();
  const { data: config } = useResult(api.config.client, {});
  const [busy, setBusy] = useState<"guest" | "google">();
  const [problem, setProblem] = useState<string>();
  const attempt = async (way: "guest" | "google") => {
    setBusy(way);
    setProblem(undefined);
    const refusal = await (way === "guest" ? guest() : google(next));
    if (refusal === undefined) return;
    setBusy(undefined);
    setProblem(refusal.kind === "other" ? refusal.message : "This did not work. Try again.");
  };
  return (
    <>
      {config?.google && (
        <Button size="lg" className="w-full" busy={busy === "google"} onClick={() => void attempt("google")}>
          Continue with Google
        </Button>
      )}
      <Button
        size="lg" className="w-full"
        busy={busy === "guest"}
        busyLabel="Signing in"
        onClick={() => void attempt("guest")}
      >
        Continue as guest
      </Button>
      {problem !== undefined && (
        <p role="alert" className="text-step text-bad">
          {problem}
        </p>
      )}
    </>
  );
}

function otherFlow(query: URLSearchParams, isNew: boolean): string {
  const other = new URLSearchParams(query);
  if (isNew) other.delete("new");
  else other.set("new", "1");
  const text = other.toString();
  return text === "" ? "/sign-in" : `/sign-in?${text}`;
}
