package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// stage is one long-lived part. run blocks until its context ends, and
// returns after everything that it started has ended.
type stage struct {
	name string
	run  func(context.Context) error
}

// supervise runs the stages, begun in order. When ctx ends, or one of them
// fails, they are stopped in reverse order, each after the one above it has
// ended: doors before the runtime, the runtime before what it drives. It
// returns the first failure, nil for an orderly end.
func supervise(ctx context.Context, stages []stage) error {
	type running struct {
		stop context.CancelFunc
		done chan struct{} // closed by the stage's goroutine
	}
	var (
		all    []running
		once   sync.Once
		failed error
		end    = make(chan struct{}) // closed once, by the first stage that ends
	)
	for _, s := range stages {
		// Values pass, the end does not: each stage is stopped in its turn.
		stageCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{stop: stop, done: make(chan struct{})}
		all = append(all, r)
		go func() {
			defer close(r.done)
			err := s.run(stageCtx)
			if err != nil && stageCtx.Err() != nil && errors.Is(err, context.Canceled) {
				err = nil
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", s.name, err)
			}
			if err != nil || stageCtx.Err() == nil {
				once.Do(func() { failed = err; close(end) })
			}
		}()
	}
	select {
	case <-ctx.Done():
	case <-end:
	}
	for i := len(all) - 1; i >= 0; i-- {
		all[i].stop()
		<-all[i].done
	}
	return failed
}
