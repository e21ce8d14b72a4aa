package daytona

import (
	"context"
	"errors"
	"fmt"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
)

// pollPause is how long to wait before the nth look at a state: often at
// first, because most changes are quick, then once a second.
func (c *Client) pollPause(n int) time.Duration {
	return min(time.Second, c.cfg.Backoff/4<<min(n/4, 10))
}

// staleReads is how long a server may answer with what was before a change.
const staleReads = 5 * time.Second

// failed is the error of a sandbox in a state that it does not leave.
func failed(info *sandbox.Info) error {
	reason := info.ErrorReason
	if reason == "" {
		reason = "no reason given"
	}
	return fmt.Errorf("sandbox is in state %s: %s", info.State, reason)
}

// waitFor looks at a sandbox until it is in the state wanted. What the server
// answered to the request that began it may be old, so states that should not
// follow are waited out for a moment before they count.
func (c *Client) waitFor(ctx context.Context, info *sandbox.Info, want sandbox.State) (*sandbox.Info, error) {
	limit := c.cfg.StartTimeout
	if info.State == sandbox.Restoring || info.State == sandbox.Archived || info.State == sandbox.Archiving {
		limit = c.cfg.RestoreTimeout
	}
	begun := clock.Now()
	for n := 0; ; n++ {
		switch info.State {
		case want:
			return info, nil
		case sandbox.Archived:
			if want == sandbox.Stopped {
				return info, nil
			}
		case sandbox.Failed, sandbox.BuildFailed:
			return nil, failed(info)
		case sandbox.Destroyed, sandbox.Destroying:
			return nil, fmt.Errorf("wait until %s: %w", want, sandbox.ErrNotFound)
		case sandbox.Stopped:
			if want == sandbox.Started && clock.Now().Sub(begun) > staleReads {
				return nil, fmt.Errorf("sandbox stopped while it was waited for: %w", sandbox.ErrNotRunning)
			}
		case sandbox.Restoring:
			limit = c.cfg.RestoreTimeout
		}
		if clock.Now().Sub(begun) > limit {
			return nil, fmt.Errorf("sandbox is %s after %s, not %s: %w", info.State, limit.Round(time.Second), want, sandbox.ErrTimeout)
		}
		if err := clock.Sleep(ctx, c.pollPause(n)); err != nil {
			return nil, err
		}
		next, err := c.get(ctx, info.ID)
		if errors.Is(err, sandbox.ErrNotFound) && want != sandbox.Stopped && clock.Now().Sub(begun) < staleReads {
			continue // reads may lag behind the create
		}
		if err != nil {
			return nil, err
		}
		info = c.note(next)
	}
}
