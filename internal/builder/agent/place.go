package agent

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/projects"
)

// where is what a worker asks about a project's sandbox.
type where struct {
	Gone      bool   `json:"gone"` // the project was removed
	SandboxID string `json:"sandboxId,omitempty"`
	Ready     bool   `json:"ready"`
	Asleep    bool   `json:"asleep"`           // it is to be woken
	Reason    string `json:"reason,omitempty"` // why it is not, for people
}

const waitsForSandbox = "Starts when the sandbox is ready"

func place(ctx *function.QueryCtx, a projectArgs) (where, error) {
	p, err := projects.Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil {
		return where{Gone: err == nil}, err
	}
	box := p.Sandbox
	switch {
	case box == nil || p.SandboxID == nil:
		return where{Reason: waitsForSandbox}, nil
	case box.Status == projects.Started && box.IsInitialized:
		return where{SandboxID: *p.SandboxID, Ready: true}, nil
	case box.Status == projects.Stopped:
		return where{Asleep: true, Reason: waitsForSandbox}, nil
	case box.Status == projects.Failed:
		return where{Reason: "The sandbox didn't start"}, nil
	}
	return where{Reason: waitsForSandbox}, nil
}

type rouseArgs struct {
	fenced
	// Check says that the sandbox does not answer although it should.
	Check bool `json:"check,omitempty"`
}

// rouse brings up a sandbox that sleeps. One that failed is left to the
// person, who is told and can try again.
func rouse(ctx *function.MutationCtx, a rouseArgs) (any, error) {
	if _, err := a.check(ctx); err != nil {
		return nil, err
	}
	p, err := projects.Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil {
		return nil, err
	}
	if p.Sandbox.Status == projects.Stopped || (a.Check && p.Sandbox.Status == projects.Started) {
		return nil, projects.EnsureAwake(ctx, p)
	}
	return nil, nil
}

type noteArgs struct {
	fenced
	RunID  RunID  `json:"runId"`
	Reason string `json:"reason"`
}

// note says what a queued run waits for.
func note(ctx *function.MutationCtx, a noteArgs) (any, error) {
	r, err := a.open(ctx, a.RunID)
	if err != nil || r.Reason == a.Reason {
		return nil, err
	}
	return nil, Runs.Patch(ctx, ctx.DB, r.ID, value.Object{"reason": a.Reason})
}
