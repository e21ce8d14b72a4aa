import { Suspense, useEffect, useRef } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { CommandsProvider, KeyList } from "@/commands";
import { lazyPart } from "@/lib/lazyPart";
import { api, toFault, useAuthState, useQuery } from "@/sync";
import { ErrorBoundary } from "@/ui";
import { load, preload } from "./load";
import { PageSkeleton } from "./PageSkeleton";
import { leaving, markLeaving } from "./leaving";
import { useSamePerson } from "./useSamePerson";

const HomePage = lazyPart(() => load.home().then((module) => module.HomePage));
const AccountPage = lazyPart(() => load.account().then((module) => module.AccountPage));
const NotFoundPage = lazyPart(() => load.nowhere().then((module) => module.NotFoundPage));
const ProjectPage = lazyPart(() => load.project().then((module) => module.ProjectPage));

const loadSignedOut = () => import("./SignedOutDialog").then((module) => module.SignedOutDialog);
const SignedOutDialog = lazyPart(loadSignedOut);

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
  useSamePerson(user);
  useLater(() => void loadSignedOut().catch(() => {}), state === "signed-in");
  // From home a project is what opens next; its page must be there within a frame.
  useLater(() => preload("/p/"), location === "/" && state === "signed-in");

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
      <Suspense>{state !== "signed-in" && <SignedOutDialog user={user} />}</Suspense>
    </CommandsProvider>
  );
}

/** Loads what may be needed soon, once the page has come to rest. */
function useLater(load: () => void, wanted: boolean) {
  const latest = useRef(load);
  useEffect(() => {
    if (!wanted) return;
    const timer = setTimeout(latest.current, 500);
    return () => clearTimeout(timer);
  }, [wanted]);
}
