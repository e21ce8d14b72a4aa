package projects

import (
	"context"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/kit/errs"
)

// Await returns the project once its sandbox is started. A sleeping one is
// woken first; one that is broken, or not up within the limit, is an error. The
// wait ends with ctx.
func Await(ctx *function.ActionCtx, p *Project, limit time.Duration) (*Project, error) {
	id := p.ID
	if p.Sandbox != nil && p.Sandbox.Status == Stopped && p.SandboxID != nil {
		if err := ctx.RunMutation("projects:wakeFromPreview", map[string]any{"sandboxId": *p.SandboxID}, nil); err != nil {
			return nil, err
		}
	}
	deadline, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		switch {
		case p == nil || p.Sandbox == nil || p.SandboxID == nil && p.Sandbox.Status == Failed:
			return nil, errs.New(errs.NotFound, "Sandbox not found")
		case p.Sandbox.Status == Started && p.SandboxID != nil:
			return p, nil
		case p.Sandbox.Status == Failed:
			return nil, errs.New(errs.Unavailable, "The sandbox didn't start: %s", p.Sandbox.Error)
		}
		select {
		case <-deadline.Done():
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, errs.New(errs.Unavailable, "The sandbox takes longer than usual to start")
		case <-time.After(200 * time.Millisecond):
		}
		p = nil
		if err := ctx.RunQuery("projects:find", projectArgs{id}, &p); err != nil {
			return nil, err
		}
	}
}

// Recheck asks the sandbox server whether a sandbox that should be up is, has
// it brought up when it isn't, and returns the project as it is then.
func Recheck(ctx *function.ActionCtx, id ID) (*Project, error) {
	if err := ctx.RunAction("projects:check", projectArgs{id}, nil); err != nil {
		return nil, err
	}
	var p *Project
	err := ctx.RunQuery("projects:find", projectArgs{id}, &p)
	return p, err
}
