package projects

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/templates"
)

// The steps of a first preparation, as the project's page lists them.
const (
	stepCreate = "create"
	stepCopy   = "copy"
	stepDev    = "dev"
)

func newSteps() []Step {
	return []Step{
		{ID: stepCreate, Label: "Create sandbox"},
		{ID: stepCopy, Label: "Copy template"},
		{ID: stepDev, Label: "Start dev server"},
	}
}

// bootPlan is what the boot job needs to know. A nil Project means that there
// is nothing to do any more.
type bootPlan struct {
	Project  *Project            `json:"project,omitempty"`
	Template *templates.Template `json:"template,omitempty"`
}

// plan reads a project for a job of one attempt.
func plan(ctx *function.QueryCtx, a bootArgs) (bootPlan, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil || p.Attempt != a.Attempt {
		return bootPlan{}, err
	}
	out := bootPlan{Project: p}
	if p.TemplateID != "" {
		if out.Template, err = templates.Templates.Get(ctx, ctx.DB, p.TemplateID); err != nil {
			return bootPlan{}, err
		}
	}
	if out.Template == nil {
		out.Template, err = templates.Default(ctx, ctx.DB)
	}
	return out, err
}

type stepArgs struct {
	ProjectID ID     `json:"projectId"`
	Attempt   int    `json:"attempt"`
	Begin     string `json:"begin,omitempty"`     // the step that begins now; what went before has ended
	SandboxID string `json:"sandboxId,omitempty"` // known from now on
	WaitsFor  string `json:"waitsFor,omitempty"`  // what the step can't go on without
}

// step notes progress of an attempt. It answers whether the attempt is still
// wanted; a job that reads false stops.
func step(ctx *function.MutationCtx, a stepArgs) (bool, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil || p.Attempt != a.Attempt {
		return false, err
	}
	fields := value.Object{}
	if a.SandboxID != "" && (p.SandboxID == nil || *p.SandboxID != a.SandboxID) {
		fields["sandboxId"] = a.SandboxID
	}
	if a.Begin != "" {
		if a.WaitsFor != "" && p.Sandbox.WaitsFor == a.WaitsFor {
			return true, nil // it says so already
		}
		box := *p.Sandbox
		box.WaitsFor = a.WaitsFor
		if box.Status != Started { // else only its dev server starts again
			box.Status = Starting
		}
		if !box.IsInitialized {
			if len(box.Steps) == 0 {
				box.Steps = newSteps()
			}
			box.Steps = BeginStep(box.Steps, a.Begin, float64(ctx.Now().UnixMilli()))
		}
		fields["sandbox"] = box
	}
	if len(fields) == 0 {
		return true, nil
	}
	return true, Projects.Patch(ctx, ctx.DB, p.ID, fields)
}

type settleArgs struct {
	ProjectID ID         `json:"projectId"`
	Attempt   int        `json:"attempt"`
	Error     string     `json:"error,omitempty"` // "" is success
	DevServer *DevServer `json:"devServer,omitempty"`
}

// settle ends an attempt: the sandbox is up with its files, or it says why
// not.
func settle(ctx *function.MutationCtx, a settleArgs) (bool, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil || p.Attempt != a.Attempt {
		return false, err
	}
	box := Sandbox{Status: Failed, Error: a.Error, IsInitialized: p.Sandbox.IsInitialized, Deployed: p.Sandbox.Deployed, Steps: p.Sandbox.Steps}
	if a.Error == "" {
		box.Status, box.IsInitialized, box.DevServer, box.Steps = Started, true, a.DevServer, nil
	}
	return true, Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"sandbox": box})
}

type reportArgs struct {
	ProjectID ID         `json:"projectId"`
	SandboxID string     `json:"sandboxId"`
	DevServer *DevServer `json:"devServer"`
}

// report notes what the dev server's log says. It is of interest only while
// the same sandbox runs.
func report(ctx *function.MutationCtx, a reportArgs) (any, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil || p.Sandbox.Status != Started || p.SandboxID == nil || *p.SandboxID != a.SandboxID {
		return nil, err
	}
	box := *p.Sandbox
	box.DevServer = a.DevServer
	return nil, Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"sandbox": box})
}

type asleepArgs struct {
	ProjectID ID     `json:"projectId"`
	SandboxID string `json:"sandboxId"`
}

// asleep notes that a sandbox has stopped by itself.
func asleep(ctx *function.MutationCtx, a asleepArgs) (any, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil || p.Sandbox.Status != Started || p.SandboxID == nil || *p.SandboxID != a.SandboxID {
		return nil, err
	}
	box := Sandbox{Status: Stopped, IsInitialized: p.Sandbox.IsInitialized, Deployed: p.Sandbox.Deployed}
	return nil, Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"sandbox": box})
}

// rouse brings up a sandbox that somebody asked for and that was found asleep
// or gone.
func rouse(ctx *function.MutationCtx, a projectArgs) (any, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil || p.Sandbox.Status != Started {
		return nil, err
	}
	return nil, begin(ctx, p, Starting, false)
}

// keptAwake notes that a sandbox no longer stops by itself.
func keptAwake(ctx *function.MutationCtx, a projectArgs) (any, error) {
	p, err := Projects.Get(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil || p.Sandbox == nil {
		return nil, err
	}
	box, yes := *p.Sandbox, true
	box.Deployed = &yes
	return nil, Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"sandbox": box})
}
