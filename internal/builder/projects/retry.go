package projects

import (
	"fmt"
	"log/slog"
	"time"

	"surgent.dev/surgent/convex/function"
)

// What fails outside of the documents is tried again, later each time, for
// about a day.
const (
	retryRest  = 5 * time.Second
	retryTries = 14
)

// Retry has an action that failed with cause run again later. failures counts
// this one; args carry the count to the next run. When that was the last try,
// or the action is being stopped, cause is returned.
func Retry(ctx *function.ActionCtx, logger *slog.Logger, action string, failures int, args any, cause error) error {
	switch {
	case ctx.Err() != nil:
		return cause
	case failures >= retryTries:
		return fmt.Errorf("given up after %d tries: %w", failures, cause)
	}
	rest := retryRest << failures
	logger.WarnContext(ctx, "failed, to be tried again", "function", action, "failures", failures, "rest", rest, "error", cause)
	_, err := ctx.Scheduler.RunAfter(ctx, rest, action, args)
	return err
}
