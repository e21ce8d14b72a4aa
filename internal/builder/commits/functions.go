package commits

import (
	"regexp"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/internal/kit/errs"
)

// Register adds this module's functions.
func Register(r *function.Registry) {
	function.Query(r, "commits:listBySession", listBySession)
	function.Query(r, "commits:listByProject", listByProject)
	function.Mutation(r, "commits:saveCheckpoint", saveCheckpoint)
}

// listBySession returns a session's checkpoints, newest first.
func listBySession(ctx *function.QueryCtx, a struct {
	SessionID sessions.ID `json:"sessionId"`
},
) ([]Commit, error) {
	s, err := sessions.Visible(ctx, ctx.DB, a.SessionID)
	if err != nil || s == nil {
		return []Commit{}, err
	}
	return Commits.Query(ctx.DB, "by_session", s.ID).Desc().All(ctx)
}

// listByProject returns a project's checkpoints, newest first.
func listByProject(ctx *function.QueryCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
},
) ([]Commit, error) {
	p, err := projects.Visible(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil {
		return []Commit{}, err
	}
	return Commits.Query(ctx.DB, "by_project", p.ID).Desc().All(ctx)
}

type saveArgs struct {
	SHA       string          `json:"sha"`
	SessionID sessions.ID     `json:"sessionId"`
	ProjectID projects.ID     `json:"projectId"`
	Message   *string         `json:"message,omitempty"`
	Version   *float64        `json:"version,omitempty"`
	Stats     any             `json:"stats,omitempty"`
	MessageID *sessions.RowID `json:"messageId,omitempty"`
	Metadata  any             `json:"metadata,omitempty"`
}

// What an owner may note by hand, so that nobody fills the server's disk: bytes
// of all that goes with a checkpoint, and the highest version.
const (
	maxNote  = 16 << 10
	maxSaved = 2000
)

var sha = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// saveCheckpoint notes a checkpoint in a session that the caller owns.
func saveCheckpoint(ctx *function.MutationCtx, a saveArgs) (ID, error) {
	s, p, err := sessions.Owned(ctx, ctx.DB, a.SessionID)
	if err != nil {
		return "", err
	}
	switch {
	case p.ID != a.ProjectID:
		return "", errs.New(errs.Invalid, "The session belongs to another project")
	case !sha.MatchString(a.SHA):
		return "", errs.New(errs.Invalid, "A checkpoint's sha is the hex name of a git commit")
	case a.Message != nil && len(*a.Message) > maxNote, value.Size(a.Stats)+value.Size(a.Metadata) > maxNote:
		return "", errs.New(errs.Invalid, "A checkpoint's message, and its stats and metadata, have at most %d bytes", maxNote)
	}
	// Runs number their checkpoints after the newest, and keep them in the
	// repository by that number.
	next, err := nextVersion(ctx, ctx.DB, p.ID)
	switch {
	case err != nil:
		return "", err
	case next > maxSaved:
		return "", errs.New(errs.Invalid, "This project has %d checkpoints already: only runs add more", maxSaved)
	case a.Version != nil && *a.Version != next:
		return "", errs.New(errs.Invalid, "The next checkpoint of this project has version %d", int(next))
	}
	if a.MessageID != nil {
		row, err := sessions.Rows.Get(ctx, ctx.DB, *a.MessageID)
		if err != nil {
			return "", err
		}
		if row == nil || row.SessionID != s.ID {
			return "", errs.New(errs.Invalid, "The message belongs to another session")
		}
	}
	c := Commit{SHA: a.SHA, SessionID: s.ID, ProjectID: p.ID, Version: a.Version, Stats: a.Stats, MessageID: a.MessageID, Metadata: a.Metadata}
	if a.Message != nil {
		c.Message = *a.Message
	}
	return Insert(ctx, ctx.DB, c)
}

// Purge removes up to n checkpoints of a removed project.
func Purge(ctx *function.MutationCtx, id projects.ID, n int) (left bool, err error) {
	all, err := Commits.Query(ctx.DB, "by_project", id).Take(ctx, n)
	if err != nil {
		return false, err
	}
	for _, c := range all {
		if err := Commits.Delete(ctx, ctx.DB, c.ID); err != nil {
			return false, err
		}
	}
	return len(all) == n, nil
}
