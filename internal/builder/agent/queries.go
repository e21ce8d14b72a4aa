package agent

import (
	"slices"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/sessions"
)

// RunView is a run as clients see it.
type RunView struct {
	Run
	Resumed bool `json:"resumed,omitempty"`
	// Position counts the runs of the project that begin before a queued one.
	Position *int `json:"position,omitempty"`
}

// maxRunsListed is how many runs of a session a client gets; those that have
// work are always among them.
const maxRunsListed = 50

type sessionArgs struct {
	SessionID sessions.ID `json:"sessionId"`
}

// listBySession returns a session's newest runs, oldest first.
func listBySession(ctx *function.QueryCtx, a sessionArgs) ([]RunView, error) {
	s, err := sessions.Visible(ctx, ctx.DB, a.SessionID)
	if err != nil || s == nil {
		return []RunView{}, err
	}
	runs, err := Runs.Query(ctx.DB, "by_session", s.ID).Desc().Take(ctx, maxRunsListed)
	if err != nil {
		return nil, err
	}
	slices.Reverse(runs)
	queue, err := Runs.Query(ctx.DB, "by_status", Queued, s.ProjectID).All(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]RunView, len(runs))
	for i, r := range runs {
		views[i] = RunView{Run: r, Resumed: r.Resumes > 0}
		if r.Status == Queued {
			at := slices.IndexFunc(queue, func(q Run) bool { return q.ID == r.ID })
			views[i].Position = &at
		}
	}
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
