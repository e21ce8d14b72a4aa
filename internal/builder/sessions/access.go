package sessions

import (
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/users"
	"surgent.dev/surgent/internal/kit/errs"
)

// Visible returns a session to the owner of its project, nil to others.
func Visible(ctx projects.Caller, r store.Reader, id ID) (*Session, error) {
	if users.Current(ctx) == "" {
		return nil, nil
	}
	s, err := Sessions.Get(ctx, r, id)
	if err != nil || s == nil {
		return nil, err
	}
	p, err := projects.Visible(ctx, r, s.ProjectID)
	if err != nil || p == nil {
		return nil, err
	}
	return s, nil
}

// Owned returns a session and its project to the project's owner. Others get
// the error "Unauthenticated", "Session not found" or "Forbidden".
func Owned(ctx projects.Caller, r store.Reader, id ID) (*Session, *projects.Project, error) {
	if _, err := users.Require(ctx); err != nil {
		return nil, nil, err
	}
	s, err := Sessions.Get(ctx, r, id)
	if err != nil {
		return nil, nil, err
	}
	if s == nil {
		return nil, nil, errs.New(errs.NotFound, "Session not found")
	}
	p, err := projects.Owned(ctx, r, s.ProjectID)
	if errs.CodeOf(err) == errs.NotFound {
		// Its project is gone and the session will be in a moment.
		return nil, nil, errs.New(errs.NotFound, "Session not found")
	}
	return s, p, err
}
