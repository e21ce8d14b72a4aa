import { Suspense } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { lazyPart } from "@/lib/lazyPart";
import { safeNext } from "@/lib/place";
import { useAuthState } from "@/sync";
import { ConnectionStrip } from "./ConnectionStrip";
import { SignInPage } from "./SignInPage";

const Shell = lazyPart(() => import("./Shell").then((module) => module.Shell));

/** Which screen an address shows. The signed-in ones come in a chunk of their own. */
export function Routes() {
  return (
    <Switch>
      <Route path="/sign-in">
        <SignInRoute />
      </Route>
      <Route path="/login">
        <OldAddress to="/sign-in" />
      </Route>
      <Route path="/signup">
        <OldAddress to="/sign-in" add={{ new: "1" }} />
      </Route>
      <Route path="/dashboard">
        <Redirect to="/" replace />
      </Route>
      <Route path="/project">
        <OldProject />
      </Route>
      <Route>
        <Suspense fallback={null}>
          <Shell />
        </Suspense>
      </Route>
    </Switch>
  );
}

function SignInRoute() {
  const query = new URLSearchParams(useSearch());
  const state = useAuthState();
  if (state === "signed-in") return <Redirect to={safeNext(query.get("next"))} replace />;
  // Whether a stored session still holds is known in a moment; the form must not flash before that.
  return (
    <div className="flex min-h-dvh flex-col">
      <ConnectionStrip />
      {state !== "loading" && <SignInPage />}
    </div>
  );
}

function OldAddress({ to, add = {} }: { to: string; add?: Record<string, string> }) {
  const query = new URLSearchParams(useSearch());
  for (const [name, value] of Object.entries(add)) query.set(name, value);
  const text = query.toString();
  return <Redirect to={text === "" ? to : `${to}?${text}`} replace />;
}

function OldProject() {
  const [location] = useLocation();
  const id = new URLSearchParams(useSearch()).get("id");
  return <Redirect to={id && location === "/project" ? `/p/${encodeURIComponent(id)}` : "/"} replace />;
}
