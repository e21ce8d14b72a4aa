package templates

import (
	"context"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/users"
	"surgent.dev/surgent/templates"
)

// Register adds this module's functions. Clients know the list as part of
// projects.
func Register(r *function.Registry) {
	function.Query(r, "projects:listTemplates", list)
	function.InternalMutation(r, "templates:seed", seed)
}

// list returns the templates, the binary's own first and in their order.
// Anonymous callers get none.
func list(ctx *function.QueryCtx, _ struct{}) ([]Template, error) {
	if users.Current(ctx) == "" {
		return []Template{}, nil
	}
	return all(ctx, ctx.DB)
}

func all(ctx context.Context, r store.Reader) ([]Template, error) {
	rows, err := Templates.Query(r, "").All(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Template, 0, len(rows))
	for _, t := range templates.All() {
		for _, row := range rows {
			if row.RepoURL == embedded+t.Slug {
				out = append(out, row)
			}
		}
	}
	for _, row := range rows {
		if _, ours := row.Embedded(); !ours {
			out = append(out, row)
		}
	}
	return out, nil
}

// Default returns the template of a project that names none: the first of the
// list, nil when there is none.
func Default(ctx context.Context, r store.Reader) (*Template, error) {
	rows, err := all(ctx, r)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// seed writes the binary's templates into the table. It runs at every start:
// a row that says the same already is left alone.
func seed(ctx *function.MutationCtx, _ struct{}) (any, error) {
	for _, t := range templates.All() {
		want := Template{
			Slug: t.Slug, Name: t.Name, Description: &t.Description,
			RepoURL: embedded + t.Slug, StartCommand: &t.StartCommand,
		}
		row, err := Templates.Query(ctx.DB, "by_slug", t.Slug).First(ctx)
		if err != nil {
			return nil, err
		}
		switch {
		case row == nil:
			_, err = Templates.Insert(ctx, ctx.DB, want)
		case row.Name != want.Name || row.RepoURL != want.RepoURL || deref(row.Description) != t.Description || deref(row.StartCommand) != t.StartCommand:
			err = Templates.Patch(ctx, ctx.DB, row.ID, value.Object{
				"name": want.Name, "description": t.Description, "repoUrl": want.RepoURL, "startCommand": t.StartCommand,
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
