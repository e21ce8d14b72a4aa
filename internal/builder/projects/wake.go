package projects

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/users"
	"surgent.dev/surgent/internal/kit/errs"
)

type bootArgs struct {
	ProjectID ID   `json:"projectId"`
	Attempt   int  `json:"attempt"`
	Anew      bool `json:"anew,omitempty"` // a broken sandbox may be replaced
}

// schedule runs a function right after the commit.
func schedule(ctx *function.MutationCtx, name string, args any) error {
	_, err := ctx.Scheduler.RunAfter(ctx, 0, name, args)
	return err
}

// sendFor schedules the job that brings a sandbox up.
func sendFor(ctx *function.MutationCtx, id ID, attempt int) error {
	return schedule(ctx, "projects:boot", bootArgs{ProjectID: id, Attempt: attempt})
}

// wakeSandbox brings a sleeping sandbox up. One that is up is looked after:
// it may have fallen asleep a moment ago.
func wakeSandbox(ctx *function.MutationCtx, a projectArgs) (scheduled, error) {
	p, err := Owned(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return scheduled{}, err
	}
	return scheduled{true}, EnsureAwake(ctx, p)
}

// EnsureAwake brings the project's sandbox up unless it is up or on its way.
// It never fails for a missing or broken sandbox: the project's document will
// tell how it went.
func EnsureAwake(ctx *function.MutationCtx, p *Project) error {
	if p.Sandbox == nil {
		return begin(ctx, p, Pending, false)
	}
	switch p.Sandbox.Status {
	case Pending, Starting:
		return nil
	case Started:
		return schedule(ctx, "projects:check", projectArgs{p.ID})
	default:
		return begin(ctx, p, Starting, false)
	}
}

// activateProject is "Try again", "Wake it" and "Restart": it brings up what
// is down, replaces a sandbox that is broken, starts a dev server that has
// ended, and returns the project as it is then.
func activateProject(ctx *function.MutationCtx, a projectArgs) (*Project, error) {
	p, err := Owned(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Sandbox == nil:
		err = begin(ctx, p, Pending, true)
	case p.Sandbox.Status == Started && (p.Sandbox.DevServer == nil || p.Sandbox.DevServer.Status != "exited"):
		err = schedule(ctx, "projects:check", projectArgs{p.ID})
	case p.Sandbox.Status == Started:
		err = restartDev(ctx, p)
	case p.Sandbox.Status == Stopped, p.Sandbox.Status == Failed:
		err = begin(ctx, p, Starting, true)
	}
	if err != nil {
		return nil, err
	}
	return Projects.Get(ctx, ctx.DB, p.ID)
}

// begin starts another attempt. A project whose files never arrived prepares
// again, with the steps to show for it; others wake.
func begin(ctx *function.MutationCtx, p *Project, status SandboxStatus, anew bool) error {
	box := Sandbox{Status: status}
	if p.Sandbox != nil {
		box.IsInitialized, box.Deployed = p.Sandbox.IsInitialized, p.Sandbox.Deployed
	}
	if box.IsInitialized {
		box.WakingSince = float64(ctx.Now().UnixMilli())
	}
	attempt := p.Attempt + 1
	if err := Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"sandbox": box, "attempt": attempt}); err != nil {
		return err
	}
	return schedule(ctx, "projects:boot", bootArgs{ProjectID: p.ID, Attempt: attempt, Anew: anew})
}

func restartDev(ctx *function.MutationCtx, p *Project) error {
	box := *p.Sandbox
	lines := []string{}
	if box.DevServer != nil {
		lines = box.DevServer.LastLines
	}
	box.DevServer = &DevServer{Status: "starting", LastLines: lines}
	attempt := p.Attempt + 1
	if err := Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"sandbox": box, "attempt": attempt}); err != nil {
		return err
	}
	return sendFor(ctx, p.ID, attempt)
}

// restartLostDev starts the dev server of a sandbox that runs without one.
func restartLostDev(ctx *function.MutationCtx, a projectArgs) (any, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil || p.Sandbox.Status != Started {
		return nil, err
	}
	return nil, restartDev(ctx, p)
}

// runIndefinitely turns the auto stop of a sandbox off. Guests can't: their
// sandboxes would run for nobody once the browser forgets them.
func runIndefinitely(ctx *function.MutationCtx, a projectArgs) (scheduled, error) {
	p, err := Owned(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return scheduled{}, err
	}
	owner, err := users.Users.Get(ctx, ctx.DB, p.UserID)
	if err != nil {
		return scheduled{}, err
	}
	if owner == nil || owner.IsAnonymous != nil && *owner.IsAnonymous {
		return scheduled{}, errs.New(errs.Forbidden, "Guests can't keep a sandbox running. Create an account first")
	}
	return scheduled{true}, schedule(ctx, "projects:keepAwake", projectArgs{p.ID})
}

// wakeFromPreview wakes a sandbox for somebody whom the preview let in.
func wakeFromPreview(ctx *function.MutationCtx, a struct {
	SandboxID string `json:"sandboxId"`
},
) (any, error) {
	p, err := Projects.Query(ctx.DB, "by_sandbox", a.SandboxID).First(ctx)
	if err != nil || p == nil || p.Sandbox == nil || p.Sandbox.Status == Failed {
		return nil, err
	}
	return nil, EnsureAwake(ctx, p)
}

// recoverProject takes up a project after a restart of the server: what was
// on its way starts again, what ran is looked after.
func recoverProject(ctx *function.MutationCtx, a projectArgs) (any, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil {
		return nil, err
	}
	switch p.Sandbox.Status {
	case Pending, Starting:
		return nil, begin(ctx, p, p.Sandbox.Status, false)
	case Started:
		return nil, schedule(ctx, "projects:check", a)
	}
	return nil, nil
}
