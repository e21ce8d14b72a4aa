package deployments

import (
	"context"

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
	if err != nil {
		return err
	}
	if held != nil { // judge has seen whose it is
		// It is wanted back: until then its old address goes on leading away.
		return names.Patch(ctx, ctx.DB, held.ID, value.Object{"movedTo": value.Undefined, "until": value.Undefined})
	}
	_, err = names.Insert(ctx, ctx.DB, Name{Name: name, ProjectID: id})
	return err
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
