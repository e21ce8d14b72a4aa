package deployments

import (
	"context"
	"fmt"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
)

// The codes that the deploy dialog shows under the name.
const (
	NameBad      errs.Code = "name_bad"
	NameReserved errs.Code = "name_reserved"
	NameTaken    errs.Code = "name_taken"
)

// judge sanitizes a name and says why it can't be the project's, if so.
func judge(ctx context.Context, r store.Reader, id projects.ID, wanted string) (name string, err error) {
	name = release.SanitizeName(wanted)
	switch {
	case release.ReservedName(name):
		return name, errs.New(NameReserved, "Reserved.")
	case release.CheckName(name) != nil:
		return name, errs.New(NameBad, "Letters, digits and hyphens, 3 to 40.")
	}
	claim, err := names.Query(r, "by_name", name).First(ctx)
	if err != nil {
		return name, err
	}
	if claim != nil && (claim.ProjectID != id || claim.Leaving) {
		return name, errs.New(NameTaken, "Taken.")
	}
	return name, nil
}

// claim makes the name the project's. It is part of the mutation that queues
// the deployment, so that no two projects can hold one name.
func claim(ctx *function.MutationCtx, id projects.ID, name string) error {
	held, err := names.Query(ctx.DB, "by_name", name).First(ctx)
	if err != nil || held != nil {
		return err // judge has seen whose it is
	}
	_, err = names.Insert(ctx, ctx.DB, Name{Name: name, ProjectID: id})
	return err
}

// settleNames gives up the names that a project no longer needs. It needs the
// one that is live, those of deployments on their way, and the last one tried,
// so that trying again after a failure finds it free.
func settleNames(ctx *function.MutationCtx, id projects.ID) error {
	keep := map[string]bool{}
	live, err := Live(ctx, ctx.DB, id)
	if err != nil {
		return err
	}
	if live != nil {
		keep[live.Name] = true
	}
	for _, s := range append([]Status{Queued}, working...) {
		some, err := Deployments.Query(ctx.DB, "by_status", s, id).All(ctx)
		if err != nil {
			return err
		}
		for _, d := range some {
			keep[d.Name] = true
		}
	}
	last, err := Deployments.Query(ctx.DB, "by_project", id).Desc().First(ctx)
	if err != nil {
		return err
	}
	if last != nil && (live == nil || last.ID != live.ID) {
		keep[last.Name] = true
	}
	return leave(ctx, id, keep)
}

// leave gives up all names of a project but some. Their apps are taken down
// first, by a job; until then nobody can have them.
func leave(ctx *function.MutationCtx, id projects.ID, keep map[string]bool) error {
	held, err := names.Query(ctx.DB, "by_project", id).All(ctx)
	if err != nil {
		return err
	}
	for _, n := range held {
		if keep[n.Name] || n.Leaving {
			continue
		}
		if err := names.Patch(ctx, ctx.DB, n.ID, value.Object{"leaving": true}); err != nil {
			return err
		}
		if _, err := ctx.Scheduler.RunAfter(ctx, 0, "deployments:takeDown", nameArgs{Name: n.Name}); err != nil {
			return err
		}
	}
	return nil
}

type nameArgs struct {
	Name     string `json:"name"`
	Failures int    `json:"failures,omitempty"`
}

// A removal that fails is tried again, later each time, for about a day.
const (
	removeRest  = 5 * time.Second
	removeTries = 14
)

// takeDown removes an app whose name is being given up, then frees the name.
func (m *module) takeDown(ctx *function.ActionCtx, a nameArgs) (any, error) {
	var leaving bool
	if err := ctx.RunQuery("deployments:isLeaving", a, &leaving); err != nil || !leaving {
		return nil, err
	}
	if err := m.Target.Remove(ctx, a.Name); err != nil {
		if a.Failures++; a.Failures >= removeTries || ctx.Err() != nil {
			return nil, fmt.Errorf("take down app %s: %w", a.Name, err)
		}
		m.Logger.WarnContext(ctx, "app is not taken down yet", "app", a.Name, "failures", a.Failures, "error", err)
		_, err = ctx.Scheduler.RunAfter(ctx, removeRest<<a.Failures, "deployments:takeDown", a)
		return nil, err
	}
	return nil, ctx.RunMutation("deployments:free", a, nil)
}

func isLeaving(ctx *function.QueryCtx, a nameArgs) (bool, error) {
	held, err := names.Query(ctx.DB, "by_name", a.Name).First(ctx)
	return held != nil && held.Leaving, err
}

func free(ctx *function.MutationCtx, a nameArgs) (any, error) {
	held, err := names.Query(ctx.DB, "by_name", a.Name).First(ctx)
	if err != nil || held == nil || !held.Leaving {
		return nil, err
	}
	return nil, names.Delete(ctx, ctx.DB, held.ID)
}

type nameCheck struct {
	OK     bool   `json:"ok"`
	Name   string `json:"name"` // sanitized
	URL    string `json:"url"`  // where it would answer
	Reason string `json:"reason,omitempty"`
}

// checkName tells the owner of a project what a name would become and whether
// it is free. Others get null.
func (m *module) checkName(ctx *function.QueryCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
	Name      string      `json:"name"`
},
) (*nameCheck, error) {
	p, err := projects.Visible(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil {
		return nil, err
	}
	name, err := judge(ctx, ctx.DB, p.ID, a.Name)
	out := &nameCheck{OK: err == nil, Name: name, URL: m.AppURL(name)}
	switch errs.CodeOf(err) {
	case "":
	case NameBad:
		out.Reason = "bad"
	case NameReserved:
		out.Reason = "reserved"
	case NameTaken:
		out.Reason = "taken"
	default:
		return nil, err
	}
	return out, nil
}
