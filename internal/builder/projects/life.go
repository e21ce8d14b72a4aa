package projects

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/devserver"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
)

// autoStop is how many idle minutes a sandbox runs on.
const autoStop = 15

// Warm gives the snapshot that a template's projects start from.
type Warm interface {
	// Snapshot returns the name of a snapshot, and whether the template's
	// files and its running dev server are in it. It waits while the snapshot
	// is made.
	Snapshot(ctx context.Context, t *templates.Template) (name string, warm bool, err error)
}

// LifeConfig joins Life to its parts. All fields are required.
type LifeConfig struct {
	Sandboxes sandbox.Client
	Warm      Warm
	Watcher   *Watcher
	Logger    *slog.Logger
}

// Life brings sandboxes up, looks after them and removes them, as jobs. A job
// may run twice or be cut off anywhere: each step looks at what is there
// before it acts, and an attempt that is no longer the newest changes nothing.
type Life struct {
	LifeConfig
	parts Parts
}

// NewLife returns the jobs, to be given to Register.
func NewLife(c LifeConfig) (*Life, error) {
	if c.Sandboxes == nil || c.Warm == nil || c.Watcher == nil || c.Logger == nil {
		return nil, errors.New("new project life: sandboxes, warm, watcher and logger are required")
	}
	return &Life{LifeConfig: c}, nil
}

// labels find a project's sandboxes on a shared server.
func labels(id ID) map[string]string { return map[string]string{"surgent-project": string(id)} }

// sandboxName is fixed, so that a job that is run again finds the sandbox
// which its first run has made.
func sandboxName(id ID) string { return "project-" + string(id) }

// check looks after a sandbox that should be up: it has its watch and its dev
// server, or it is noted as asleep and, since somebody asked for it, brought
// up.
func (l *Life) check(ctx *function.ActionCtx, a projectArgs) (any, error) {
	var p *Project
	if err := ctx.RunQuery("projects:find", a, &p); err != nil || p == nil || p.SandboxID == nil || p.Sandbox == nil || p.Sandbox.Status != Started {
		return nil, err
	}
	info, err := l.Sandboxes.Get(ctx, *p.SandboxID)
	switch {
	case err == nil && info.State == sandbox.Started:
		there, err := devserver.Exists(ctx, l.Sandboxes.Toolbox(*p.SandboxID))
		if err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "The sandbox doesn't answer")
		}
		if !there {
			// It came back from its files alone, behind our back.
			return nil, ctx.RunMutation("projects:restartDev", a, nil)
		}
		l.Watcher.Keep(p.ID, *p.SandboxID)
		return nil, nil
	case err == nil, errors.Is(err, sandbox.ErrNotFound):
		return nil, ctx.RunMutation("projects:rouse", a, nil)
	default:
		return nil, errs.Wrap(errs.Unavailable, err, "The sandbox server doesn't answer")
	}
}

// keepAwake turns a sandbox's auto stop off. A project that has none yet gets
// one without.
func (l *Life) keepAwake(ctx *function.ActionCtx, a projectArgs) (any, error) {
	var p *Project
	if err := ctx.RunQuery("projects:find", a, &p); err != nil || p == nil {
		return nil, err
	}
	if p.SandboxID != nil {
		if err := l.Sandboxes.SetAutoStop(ctx, *p.SandboxID, 0); err != nil && !errors.Is(err, sandbox.ErrNotFound) {
			return nil, errs.Wrap(errs.Unavailable, err, "The sandbox server doesn't answer")
		}
	}
	return nil, ctx.RunMutation("projects:keptAwake", a, nil)
}

type removeArgs struct {
	ProjectID string `json:"projectId"` // no longer the id of a document
	SandboxID string `json:"sandboxId,omitempty"`
	Failures  int    `json:"failures,omitempty"`
}

// remove deletes what a removed project leaves outside of the documents.
func (m *module) remove(ctx *function.ActionCtx, a removeArgs) (any, error) {
	err := m.removeAll(ctx, ID(a.ProjectID), a.SandboxID)
	if err == nil {
		return nil, nil
	}
	a.Failures++
	return nil, Retry(ctx, m.life.Logger, "projects:remove", a.Failures, a, fmt.Errorf("remove project %s: %w", a.ProjectID, err))
}

func (m *module) removeAll(ctx context.Context, id ID, sandboxID string) error {
	m.life.Watcher.Forget(id)
	// By label too: a boot that was under way may have made a sandbox that
	// the document doesn't know.
	found, err := m.life.Sandboxes.List(ctx, labels(id))
	if err != nil {
		return fmt.Errorf("list sandboxes: %w", err)
	}
	ids := []string{}
	if sandboxID != "" {
		ids = append(ids, sandboxID)
	}
	for _, box := range found {
		if box.ID != sandboxID {
			ids = append(ids, box.ID)
		}
	}
	for _, box := range ids {
		if err := m.life.Sandboxes.Delete(ctx, box); err != nil {
			return fmt.Errorf("delete sandbox: %w", err)
		}
	}
	for _, removed := range m.parts.Removed {
		if err := removed(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
