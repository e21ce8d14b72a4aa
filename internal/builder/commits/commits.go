// Package commits holds the checkpoints of a project: the table commits, each
// row a git commit in the sandbox with what it changed. Runs write them; the
// public mutation is for the project's owner. Before it in the flow is
// sessions, next is the agent.
package commits

import (
	"context"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
)

// ID is the id of a commit.
type ID string

// ConvexTable names the table that the id belongs to.
func (ID) ConvexTable() string { return "commits" }

// Commit is one checkpoint. Version counts the checkpoints of a project from
// 1; MessageID is the result row of the run that made it.
type Commit struct {
	ID           ID              `json:"_id"`
	CreationTime float64         `json:"_creationTime"` // ms
	SHA          string          `json:"sha"`
	SessionID    sessions.ID     `json:"sessionId"`
	ProjectID    projects.ID     `json:"projectId"`
	Message      string          `json:"message,omitempty"`
	Version      *float64        `json:"version,omitempty"`
	Stats        any             `json:"stats,omitempty"`
	MessageID    *sessions.RowID `json:"messageId,omitempty"`
	Metadata     any             `json:"metadata,omitempty"`
}

// Commits is the table's typed access.
var Commits = store.TypedTable[Commit, ID]("commits")

// Tables declares what this module stores.
func Tables() []schema.Table {
	return []schema.Table{schema.Define[Commit]("commits",
		schema.Index{Name: "by_session", Fields: []string{"sessionId"}},
		schema.Index{Name: "by_project", Fields: []string{"projectId"}},
		schema.Index{Name: "by_messageId", Fields: []string{"messageId"}},
	)}
}

// Insert adds a checkpoint. Without a version it gets the project's next.
func Insert(ctx context.Context, w store.Writer, c Commit) (ID, error) {
	if c.Version == nil {
		next, err := nextVersion(ctx, w, c.ProjectID)
		if err != nil {
			return "", err
		}
		c.Version = &next
	}
	return Commits.Insert(ctx, w, c)
}

func nextVersion(ctx context.Context, r store.Reader, id projects.ID) (float64, error) {
	newest, err := Newest(ctx, r, id)
	if err != nil || newest == nil || newest.Version == nil {
		return 1, err
	}
	return *newest.Version + 1, nil
}

// Newest returns a project's newest checkpoint, nil when it has none.
func Newest(ctx context.Context, r store.Reader, id projects.ID) (*Commit, error) {
	return Commits.Query(r, "by_project", id).Desc().First(ctx)
}

// Count returns the number of a project's checkpoints.
func Count(ctx context.Context, r store.Reader, id projects.ID) (int, error) {
	all, err := Commits.Query(r, "by_project", id).All(ctx)
	return len(all), err
}
