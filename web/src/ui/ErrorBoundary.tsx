import { Component, type ErrorInfo, type ReactNode } from "react";
import { CopyButton } from "./CopyButton";
import { Button } from "./Button";

export type ErrorBoundaryProps = {
  children: ReactNode;
  /** Reads a request id from what was thrown. */
  requestId?: (error: unknown) => string | undefined;
  /** When it changes, a failed part is tried again: another session, another project. */
  resetKey?: string;
};

type State = { error?: unknown; key?: string };

/** Keeps a failure in the part where it happened: the other panes live on. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, State> {
  override state: State = { key: this.props.resetKey };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  static getDerivedStateFromProps(props: ErrorBoundaryProps, state: State): State | null {
    return props.resetKey === state.key ? null : { error: undefined, key: props.resetKey };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo) {
    console.error(error, info.componentStack);
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    const requestId = this.props.requestId?.(error);
    const details = [error instanceof Error ? (error.stack ?? error.message) : String(error), window.location.href];
    return (
      <div role="alert" className="flex flex-col items-start gap-3 p-6">
        <div>
          <p className="text-section font-semibold">This part failed.</p>
          {requestId !== undefined && (
            <p className="text-step text-ink-2">
              Request <code>{requestId}</code>
            </p>
          )}
        </div>
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => this.setState({ error: undefined })}>Reload this part</Button>
          <CopyButton look="quiet" text={details.join("\n")}>
            Copy details
          </CopyButton>
        </div>
      </div>
    );
  }
}
