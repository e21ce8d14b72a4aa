// Package clock is how the product and the engines learn the time, so that
// tests can hold it still. Engines that want a clock in their exported API
// take a func() time.Time; this package supplies the values.
package clock

import (
	"context"
	"time"
)

// Now returns the current time. What depends on the time of day receives a
// func() time.Time in its Config, and this is its default; convex, which imports
// nothing of ours, has time.Now for it.
func Now() time.Time { return time.Now() }

// OrNow returns now, or the real clock when now is nil: the zero value of a
// Config field means the default.
func OrNow(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// Sleep waits for d, or returns why ctx ended first.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
