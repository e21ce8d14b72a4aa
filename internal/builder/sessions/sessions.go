// Package sessions holds the conversations of a project and their timelines:
// the tables sessions and sessionMessages. A prompt is written here and handed
// to the agent through Starter; the agent writes the rows that follow. Before
// it in the flow is projects, next are commits, files and deployments.
package sessions

import (
	"context"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/projects"
)

// DefaultTitle is the title of a session that nobody has named.
const DefaultTitle = "New session"

// ID is the id of a session.
type ID string

// ConvexTable names the table that the id belongs to.
func (ID) ConvexTable() string { return "sessions" }

// Session is one conversation in a project.
type Session struct {
	ID             ID          `json:"_id"`
	CreationTime   float64     `json:"_creationTime"` // ms
	ProjectID      projects.ID `json:"projectId"`
	AgentSessionID string      `json:"agentSessionId,omitempty"`
	AgentProvider  string      `json:"agentProvider,omitempty"`
	Title          string      `json:"title,omitempty"`
	Metadata       any         `json:"metadata,omitempty"`
	Stats          any         `json:"stats,omitempty"`
}

// RowID is the id of a timeline row.
type RowID string

// ConvexTable names the table that the id belongs to.
func (RowID) ConvexTable() string { return "sessionMessages" }

// Row is one row of a timeline. A prompt has role "user" and its text as Raw;
// every other row has no role and an agent message as Raw.
type Row struct {
	ID           RowID   `json:"_id"`
	CreationTime float64 `json:"_creationTime"` // ms
	SessionID    ID      `json:"sessionId"`
	Role         string  `json:"role,omitempty"`
	Raw          any     `json:"raw"`
	// RunID is the id of the run that the row belongs to. Its table belongs to
	// a module above this one, so it is a plain string here.
	RunID string `json:"runId,omitempty"`
}

// Typed access to the tables.
var (
	Sessions = store.TypedTable[Session, ID]("sessions")
	Rows     = store.TypedTable[Row, RowID]("sessionMessages")
)

// Tables declares what this module stores.
func Tables() []schema.Table {
	return []schema.Table{
		schema.Define[Session]("sessions",
			schema.Index{Name: "by_project", Fields: []string{"projectId"}},
			schema.Index{Name: "by_agentSessionId", Fields: []string{"agentSessionId"}},
		),
		schema.Define[Row]("sessionMessages",
			schema.Index{Name: "by_session", Fields: []string{"sessionId"}},
		),
	}
}

// InsertRow adds a row to a timeline. The agent writes each of its rows in the
// mutation of the step that it belongs to.
func InsertRow(ctx context.Context, w store.Writer, row Row) (RowID, error) {
	return Rows.Insert(ctx, w, row)
}
