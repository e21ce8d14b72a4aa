package sessions

import (
	"math"
	"slices"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/projects"
)

// How many rows listMessagesBySession returns.
const (
	defaultRows = 200
	maxRows     = 1000
)

type sessionArgs struct {
	SessionID ID `json:"sessionId"`
}

func getSession(ctx *function.QueryCtx, a sessionArgs) (*Session, error) {
	return Visible(ctx, ctx.DB, a.SessionID)
}

// listSessionsByProject returns a project's sessions, newest first.
func listSessionsByProject(ctx *function.QueryCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
},
) ([]Session, error) {
	p, err := projects.Visible(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil {
		return []Session{}, err
	}
	return Sessions.Query(ctx.DB, "by_project", p.ID).Desc().All(ctx)
}

// listMessagesBySession returns the newest rows, oldest first.
func listMessagesBySession(ctx *function.QueryCtx, a struct {
	SessionID ID       `json:"sessionId"`
	Limit     *float64 `json:"limit,omitempty"`
},
) ([]Row, error) {
	s, err := Visible(ctx, ctx.DB, a.SessionID)
	if err != nil || s == nil {
		return []Row{}, err
	}
	limit := defaultRows
	if a.Limit != nil {
		limit = atMost(*a.Limit)
	}
	rows, err := Rows.Query(ctx.DB, "by_session", s.ID).Desc().Take(ctx, limit)
	slices.Reverse(rows)
	return rows, err
}

// atMost brings a wished number of rows into its bounds; what is no number asks
// for the least.
func atMost(n float64) int {
	if math.IsNaN(n) {
		return 1
	}
	return int(min(max(n, 1), maxRows))
}

// listMessagesPage returns pages of rows, newest first.
func listMessagesPage(ctx *function.QueryCtx, a struct {
	SessionID ID                `json:"sessionId"`
	Options   store.PageOptions `json:"paginationOpts"`
},
) (store.Page[Row], error) {
	s, err := Visible(ctx, ctx.DB, a.SessionID)
	if err != nil || s == nil {
		return store.Page[Row]{Page: []Row{}, IsDone: true}, err
	}
	a.Options.NumItems = float64(atMost(a.Options.NumItems))
	return Rows.Query(ctx.DB, "by_session", s.ID).Desc().Paginate(ctx, a.Options)
}
