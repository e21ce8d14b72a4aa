import { Suspense, useEffect, useRef } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { CommandsProvider, KeyList } from "@/commands";
import { lazyPart } from "@/lib/lazyPart";
import { api, toFault, useAuthState, useQuery } from "@/sync";
import { ErrorBoundary } from "@/ui";
import { load, preload } from "./load";
import { PageSkeleton } from "./PageSkeleton";
import { SignedOutDialog } from "./SignedOutDialog";
import { leaving, markLeaving } from "./leaving";

const HomePage = lazyPart(() => load.home().then((module) => module.HomePage));
const AccountPage = lazyPart(() => load.account().then((module) => module.AccountPage));
const NotFoundPage = lazyPart(() => load.nowhere().then((module) => module.NotFoundPage));
const ProjectPage = lazyPart(() => load.project().then((module) => module.ProjectPage));

const requestId = (error: unknown) => toFault(error).requestId;

// The screen that the address asks for loads beside the session, not after it.
preload(window.location.pathname);

/** Everything behind the sign-in. */
export function Shell() {
  const state = useAuthState();
  const [location] = useLocation();
  const search = useSearch();
  const user = useQuery(api.auth.loggedInUser, state === "loading" ? "skip" : {});
  const wasIn = useRef(false);
  if (state === "signed-in") wasIn.current = true;
  useEffect(() => {
    if (state === "signed-in") markLeaving(false);
  }, [state]);
  useProjectNext(location === "/" && state === "signed-in");

  if (state === "signed-out" && (!wasIn.current || leaving())) {
    // Who left of their own accord is not led back: the next one to sign in may be somebody else.
    const next = wasIn.current ? "/" : location + (search === "" ? "" : `?${search}`);
    return <Redirect to={next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`} replace />;
  }
  if (!wasIn.current || !user) return <PageSkeleton />;
  return (
    <CommandsProvider>
      <ErrorBoundary requestId={requestId} resetKey={location}>
        <Suspense fallback={<PageSkeleton />}>
          <Switch>
            <Route path="/" component={HomePage} />
            <Route path="/settings" component={AccountPage} />
            <Route path="/p/:projectId">{({ projectId }) => <ProjectPage key={projectId} />}</Route>
            <Route>
              <NotFoundPage />
            </Route>
          </Switch>
        </Suspense>
      </ErrorBoundary>
      <KeyList />
      <SignedOutDialog open={state !== "signed-in"} user={user} />
    </CommandsProvider>
  );
}

/** From home a project is what opens next; its page must be there within a frame. */
function useProjectNext(wanted: boolean) {
  useEffect(() => {
    if (!wanted) return;
    const timer = setTimeout(() => preload("/p/"), 500);
    return () => clearTimeout(timer);
  }, [wanted]);
}
