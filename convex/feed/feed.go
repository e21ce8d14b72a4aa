// Package feed is the change log as readers see it: in order, by cursor. Being
// woken is a hint and the cursor is the truth: a reader that misses a wake-up
// is late, never wrong.
package feed

import (
	"context"
	"fmt"

	"surgent.dev/surgent/convex/store"
)

// Cursor reads the change log from one commit to the next. It is not safe for
// concurrent use.
type Cursor struct{ at store.Timestamp }

// From returns a cursor that has seen everything up to a timestamp.
func From(ts store.Timestamp) Cursor { return Cursor{at: ts} }

// At returns the newest timestamp that the cursor has seen.
func (c *Cursor) At() store.Timestamp { return c.at }

// Advance moves the cursor to a snapshot and returns the keys that were
// written on the way. lost is set when the log no longer reaches back to the
// cursor: anything may have changed.
func (c *Cursor) Advance(ctx context.Context, snap store.Snapshot) (keys map[store.Key]struct{}, lost bool, err error) {
	if snap.Timestamp() <= c.at {
		return nil, false, nil
	}
	changes, ok, err := snap.Changes(ctx, c.at)
	if err != nil {
		return nil, false, fmt.Errorf("read change log after %d: %w", c.at, err)
	}
	keys = map[store.Key]struct{}{}
	for _, ch := range changes {
		for _, k := range ch.Keys {
			keys[k] = struct{}{}
		}
	}
	c.at = snap.Timestamp()
	return keys, !ok, nil
}

// Waker turns commits into wake-ups that coalesce: any number of commits while
// nobody waits is one wake-up.
type Waker struct {
	ch     chan struct{} // capacity 1; Wake sends without blocking, the waiter receives
	remove []func()
}

// NewWaker returns a waker that each of the sources calls. A source takes a
// function to call and returns how to be removed, as store.Store.OnCommit
// does.
func NewWaker(sources ...func(func()) func()) *Waker {
	w := &Waker{ch: make(chan struct{}, 1)}
	for _, s := range sources {
		w.remove = append(w.remove, s(w.Wake))
	}
	return w
}

// Wake makes C ready. It never blocks.
func (w *Waker) Wake() {
	select {
	case w.ch <- struct{}{}:
	default:
	}
}

// C is ready after a wake-up.
func (w *Waker) C() <-chan struct{} { return w.ch }

// Close removes the waker from its sources.
func (w *Waker) Close() {
	for _, r := range w.remove {
		r()
	}
}
