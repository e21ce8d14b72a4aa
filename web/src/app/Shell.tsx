import { lazy, Suspense, useRef } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { CommandsProvider, KeyList } from "@/commands";
import { api, toFault, useAuthState, useQuery } from "@/sync";
import { ErrorBoundary, TooltipProvider } from "@/ui";
import { load, preload } from "./load";
import { NotFoundPage } from "./NotFoundPage";
import { PageSkeleton } from "./PageSkeleton";
import { SignedOutDialog } from "./SignedOutDialog";
import { leaving } from "./leaving";

const HomePage = lazy(() => load.home().then((module) => ({ default: module.HomePage })));
const AccountPage = lazy(() => load.account().then((module) => ({ default: module.AccountPage })));
const ProjectPage = lazy(() => load.project().then((module) => ({ default: module.ProjectPage })));

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

  if (state === "signed-out" && (!wasIn.current || leaving())) {
    const next = location + (search === "" ? "" : `?${search}`);
    return <Redirect to={next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`} replace />;
  }
  if (!wasIn.current || !user) return <PageSkeleton />;
  return (
    <TooltipProvider>
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
        <SignedOutDialog open={state === "signed-out"} user={user} />
      </CommandsProvider>
    </TooltipProvider>
  );
}
