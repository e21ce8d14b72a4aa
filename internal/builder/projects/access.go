package projects

import (
	"context"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/users"
	"surgent.dev/surgent/internal/kit/errs"
)

// Caller is the context of a function that reads or writes documents.
type Caller interface {
	context.Context
	users.Caller
}

// Visible returns a project to its owner, and nil to everybody else, so that
// a foreign id reads like one that doesn't exist.
func Visible(ctx Caller, r store.Reader, id ID) (*Project, error) {
	user := users.Current(ctx)
	if user == "" {
		return nil, nil
	}
	p, err := Projects.Get(ctx, r, id)
	if err != nil || p == nil || p.UserID != user {
		return nil, err
	}
	return p, nil
}

// Owned returns a project to its owner. Others get the error
// "Unauthenticated", "Project not found" or "Forbidden".
func Owned(ctx Caller, r store.Reader, id ID) (*Project, error) {
	user, err := users.Require(ctx)
	if err != nil {
		return nil, err
	}
	p, err := Projects.Get(ctx, r, id)
	if err != nil {
		return nil, err
	}
	return check(p, user)
}

// OwnedIn is Owned for actions, which read through queries.
func OwnedIn(ctx *function.ActionCtx, id ID) (*Project, error) {
	user, err := users.Require(ctx)
	if err != nil {
		return nil, err
	}
	var p *Project
	if err := ctx.RunQuery("projects:find", projectArgs{id}, &p); err != nil {
		return nil, err
	}
	return check(p, user)
}

func check(p *Project, user users.ID) (*Project, error) {
	switch {
	case p == nil:
		return nil, errs.New(errs.NotFound, "Project not found")
	case p.UserID != user:
		return nil, errs.New(errs.Forbidden, "Forbidden")
	}
	return p, nil
}
