package agent

import (
	"context"
	"errors"
	"fmt"

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
	// One that can't be given back is free when this process has ended.
	give, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if rerr := w.mutate(give, "agent:release", w.fence, nil); rerr != nil {
		s.Logger.WarnContext(ctx, "release lease", "project", a.ProjectID, "error", rerr)
	}
	if ctx.Err() != nil || errors.Is(err, errFenced) || errors.Is(err, errLost) {
		// The server stops, and its next start takes the runs up; or whoever
		// holds the lease now goes on.
		return nil, nil
	}
	return nil, err
}

// all works on the project's runs, one after another, while the lease is kept.
func (w *worker) all() error {
	ctx, cancel := context.WithCancelCause(w.sys)
	defer cancel(nil)
	defer w.workers.add(w.fence.ProjectID, cancel)()
	for {
		var id *RunID
		if err := w.mutate(ctx, "agent:next", w.fence, &id); err != nil || id == nil {
			return orCause(ctx, err)
		}
		switch err := w.run(ctx, *id); {
		case errors.Is(err, errFenced) && ctx.Err() == nil:
			// The run was ended by somebody else, or the lease is gone, which
			// the next turn tells.
		case err != nil:
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
