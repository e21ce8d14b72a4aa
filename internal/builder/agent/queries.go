package agent

import (
	"slices"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
)

// RunView is a run as clients see it. It is sent again with every step, so it
// holds no more than they draw.
type RunView struct {
	ID              RunID          `json:"_id"`
	CreationTime    float64        `json:"_creationTime"`
	SessionID       sessions.ID    `json:"sessionId"`
	ProjectID       projects.ID    `json:"projectId"`
	PromptID        sessions.RowID `json:"promptId"`
	Status          Status         `json:"status"`
	Mode            string         `json:"mode"`
	Model           string         `json:"model"`
	QueuedAt        float64        `json:"queuedAt"`
	StartedAt       float64        `json:"startedAt,omitempty"`
	EndedAt         float64        `json:"endedAt,omitempty"`
	Step            int            `json:"step"`
	Spent           Spent          `json:"spent"`
	Reason          string         `json:"reason,omitempty"`
	Waiting         *Pause         `json:"waiting,omitempty"`
	Resumed         bool           `json:"resumed,omitempty"`
	ResumedAt       float64        `json:"resumedAt,omitempty"`
	StopRequestedAt float64        `json:"stopRequestedAt,omitempty"`
	Error           *RunError      `json:"error,omitempty"`
	Activity        *Activity      `json:"activity,omitempty"`
	// Position counts the runs of the project that begin before a queued one.
	Position *int `json:"position,omitempty"`
}

func view(r Run) RunView {
	return RunView{
		ID: r.ID, CreationTime: r.CreationTime, SessionID: r.SessionID, ProjectID: r.ProjectID, PromptID: r.PromptID,
		Status: r.Status, Mode: r.Mode, Model: r.Model, QueuedAt: r.QueuedAt, StartedAt: r.StartedAt, EndedAt: r.EndedAt,
		Step: r.Step, Spent: r.Spent, Reason: r.Reason, Waiting: r.Waiting, Resumed: r.Resumes > 0, ResumedAt: r.ResumedAt,
		StopRequestedAt: r.StopRequestedAt, Error: r.Error, Activity: r.Activity,
	}
}

// A client gets all runs that have work, up to maxOpen, and the newest of those
// that have ended: an older one's result row tells all that is drawn of it.
const (
	maxOpen  = 100
	maxEnded = 15
)

type sessionArgs struct {
	SessionID sessions.ID `json:"sessionId"`
}

// listBySession returns a session's newest runs, oldest first.
func listBySession(ctx *function.QueryCtx, a sessionArgs) ([]RunView, error) {
	s, err := sessions.Visible(ctx, ctx.DB, a.SessionID)
	if err != nil || s == nil {
		return []RunView{}, err
	}
	runs, err := Runs.Query(ctx.DB, "by_session", s.ID).Desc().Take(ctx, maxOpen+maxEnded)
	if err != nil {
		return nil, err
	}
	queue, err := Runs.Query(ctx.DB, "by_status", Queued, s.ProjectID).All(ctx)
	if err != nil {
		return nil, err
	}
	views := []RunView{}
	ended := 0
	for _, r := range runs {
		v := view(r)
		if !r.Open() {
			if ended++; ended > maxEnded {
				continue
			}
		}
		if r.Status == Queued {
			at := slices.IndexFunc(queue, func(q Run) bool { return q.ID == r.ID })
			v.Position = &at
		}
		views = append(views, v)
	}
	slices.Reverse(views)
	return views, nil
}

// visibleRun returns a run to the owner of its session, nil to others.
func visibleRun(ctx *function.QueryCtx, id RunID) (*Run, error) {
	r, err := Runs.Get(ctx, ctx.DB, id)
	if err != nil || r == nil {
		return nil, err
	}
	s, err := sessions.Visible(ctx, ctx.DB, r.SessionID)
	if err != nil || s == nil {
		return nil, err
	}
	return r, nil
}

// StreamHead is the open end of the text that a model is writing.
type StreamHead struct {
	MessageID  string        `json:"messageId"`
	BlockIndex int           `json:"blockIndex"` // the block that is being written
	Kind       string        `json:"kind"`
	Closed     int           `json:"closed"` // closed pieces of that block
	Tail       string        `json:"tail"`
	Blocks     []StreamBlock `json:"blocks"` // all of the message so far
	StartedAt  float64       `json:"startedAt"`
}

// StreamBlock is one content block of an unfinished message.
type StreamBlock struct {
	Index     int    `json:"index"`
	Kind      string `json:"kind"`
	Closed    int    `json:"closed"`
	Name      string `json:"name,omitempty"`
	ToolUseID string `json:"toolUseId,omitempty"`
}

// streamHead returns the head of a run's stream, null when nothing is being
// written.
func streamHead(ctx *function.QueryCtx, a runArgs) (*StreamHead, error) {
	r, err := visibleRun(ctx, a.RunID)
	if err != nil || r == nil {
		return nil, err
	}
	snap, ok := ctx.Stream(streamKey(r.ID)).(*snapshot)
	if !ok || len(snap.blocks) == 0 {
		return nil, nil
	}
	head := &StreamHead{MessageID: snap.messageID, StartedAt: snap.startedAt, Blocks: []StreamBlock{}}
	for i, b := range snap.blocks {
		head.Blocks = append(head.Blocks, StreamBlock{Index: i, Kind: b.kind, Closed: len(b.pieces), Name: b.name, ToolUseID: b.toolUseID})
	}
	last := len(snap.blocks) - 1
	head.BlockIndex, head.Kind = last, snap.blocks[last].kind
	head.Closed, head.Tail = len(snap.blocks[last].pieces), snap.blocks[last].tail
	return head, nil
}

type chunkArgs struct {
	RunID      RunID `json:"runId"`
	BlockIndex int   `json:"blockIndex"`
	N          int   `json:"n"`
}

// streamChunk returns one closed piece, null when there is none (any more). It
// never changes while its message is written.
func streamChunk(ctx *function.QueryCtx, a chunkArgs) (*string, error) {
	r, err := visibleRun(ctx, a.RunID)
	if err != nil || r == nil {
		return nil, err
	}
	snap, ok := ctx.Stream(streamKey(r.ID)).(*snapshot)
	if !ok || a.BlockIndex < 0 || a.BlockIndex >= len(snap.blocks) {
		return nil, nil
	}
	pieces := snap.blocks[a.BlockIndex].pieces
	if a.N < 0 || a.N >= len(pieces) {
		return nil, nil
	}
	return &pieces[a.N], nil
}

// ToolOutput is the end of what a running command has said.
type ToolOutput struct {
	Tail string `json:"tail"`
}

type outputArgs struct {
	RunID     RunID  `json:"runId"`
	ToolUseID string `json:"toolUseId"`
}

// toolOutput returns the live output of a command, null when none runs.
func toolOutput(ctx *function.QueryCtx, a outputArgs) (*ToolOutput, error) {
	r, err := visibleRun(ctx, a.RunID)
	if err != nil || r == nil {
		return nil, err
	}
	tail, ok := ctx.Stream(outputKey(r.ID, a.ToolUseID)).(string)
	if !ok {
		return nil, nil
	}
	return &ToolOutput{Tail: tail}, nil
}
