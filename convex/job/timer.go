package job

import (
	"context"
	"slices"
	"sync"
	"time"
)

// timer calls fire shortly after each of the times it was given. Times that it
// loses with the process only make jobs late.
type timer struct {
	now  func() time.Time
	fire func(context.Context, time.Time)

	mu    sync.Mutex
	times []time.Time // ascending

	// wake holds at most one token: add puts it when the earliest time moved,
	// run takes it. A full channel means that run looks anyway.
	wake chan struct{}
}

// slack is added to a time, as databases keep milliseconds.
const slack = 2 * time.Millisecond

func newTimer(now func() time.Time, fire func(context.Context, time.Time)) *timer {
	return &timer{now: now, fire: fire, wake: make(chan struct{}, 1)}
}

func (t *timer) add(at time.Time) {
	t.mu.Lock()
	i, _ := slices.BinarySearchFunc(t.times, at, time.Time.Compare)
	t.times = slices.Insert(t.times, i, at)
	t.mu.Unlock()
	if i == 0 {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// run blocks until ctx ends.
func (t *timer) run(ctx context.Context) {
	for {
		var due <-chan time.Time
		if d, ok := t.next(); ok {
			due = time.After(d)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-due:
			if now := t.now(); t.take(now) {
				t.fire(ctx, now)
			}
		}
	}
}

func (t *timer) next() (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.times) == 0 {
		return 0, false
	}
	return max(0, t.times[0].Sub(t.now())+slack), true
}

// take removes the times that have come and reports whether there were any.
func (t *timer) take(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.times) && !t.times[n].After(now) {
		n++
	}
	t.times = slices.Delete(t.times, 0, n)
	return n > 0
}
