package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"surgent.dev/surgent/convex/function"
)

// worker works in one project as long as it holds the lease.
type worker struct {
	*Service
	sys   *function.ActionCtx
	fence fenced
}

// query and mutate call functions under a context of the worker's choice.
func (w *worker) query(ctx context.Context, name string, args, out any) error {
	c := *w.sys
	c.Context = ctx
	return c.RunQuery(name, args, out)
}

func (w *worker) mutate(ctx context.Context, name string, args, out any) error {
	c := *w.sys
	c.Context = ctx
	return c.RunMutation(name, args, out)
}

// work is the job: it takes the project's lease and works on its runs until
// there are none. When another worker lives there is nothing to do; when this
// one dies, the watch of Run sends the next.
func (s *Service) work(ctx *function.ActionCtx, a projectArgs) (any, error) {
	var fence int
	if err := ctx.RunMutation("agent:claim", claimArgs{a.ProjectID, s.owner}, &fence); err != nil || fence == 0 {
		return nil, err
	}
	w := &worker{Service: s, sys: ctx, fence: fenced{a.ProjectID, fence}}
	err := w.all()
	if errors.Is(err, errFenced) || errors.Is(err, errLost) {
		return nil, nil // whoever holds the lease now goes on
	}
	// A lease that is not given back ends by itself, only later.
	give, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if rerr := w.mutate(give, "agent:release", w.fence, nil); rerr != nil {
		s.Logger.WarnContext(ctx, "release lease", "project", a.ProjectID, "error", rerr)
	}
	if ctx.Err() != nil {
		err = nil // the server stops; runs are taken up at its next start
	}
	return nil, err
}

// all works on the project's runs, one after another, while the lease is kept.
func (w *worker) all() error {
	ctx, cancel := context.WithCancelCause(w.sys)
	defer cancel(nil)
	kept := make(chan struct{}) // closed by keep when it has ended
	go func() {
		defer close(kept)
		w.keep(ctx, cancel)
	}()
	defer func() {
		cancel(nil)
		<-kept
	}()
	for {
		var id *RunID
		if err := w.mutate(ctx, "agent:next", w.fence, &id); err != nil || id == nil {
			return orCause(ctx, err)
		}
		if err := w.run(ctx, *id); err != nil {
			return orCause(ctx, fmt.Errorf("run %s: %w", *id, err))
		}
	}
}

// orCause prefers why a context ended to the error that followed from it.
func orCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// keep renews the lease until ctx is done, and ends the work when that fails
// for as long as the lease lasts.
func (w *worker) keep(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(w.Limits.Lease * 3 / 10)
	defer tick.Stop()
	last := w.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var stops []RunID
		err := w.mutate(ctx, "agent:renew", w.fence, &stops)
		switch {
		case err == nil:
			last = w.Now()
			for _, id := range stops {
				w.stopHere(id, errStopped)
			}
		case errors.Is(err, errFenced), w.Now().Sub(last) > w.Limits.Lease:
			cancel(errLost)
			return
		}
	}
}
