package agent

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/commits"
	"surgent.dev/surgent/internal/builder/sessions"
)

// outcome is how a run ended.
type outcome struct {
	Status     Status      `json:"status"`
	Subtype    string      `json:"subtype"` // of the result row
	Error      *RunError   `json:"error,omitempty"`
	Text       string      `json:"text,omitempty"` // the last answer
	StopReason string      `json:"stopReason,omitempty"`
	Checkpoint *checkpoint `json:"checkpoint,omitempty"`
}

// checkpoint is the commit that a run made.
type checkpoint struct {
	SHA     string `json:"sha"`
	Message string `json:"message"`
	Stats   stats  `json:"stats"`
	// Stored says that the commit is in the bare repository too.
	Stored bool `json:"stored"`
}

// stats counts what a checkpoint changed.
type stats struct {
	FilesChanged int        `json:"filesChanged"`
	Additions    int        `json:"additions"`
	Deletions    int        `json:"deletions"`
	Files        []fileStat `json:"files"`
}

type fileStat struct {
	Path      string `json:"path"`
	Additions int    `json:"additions"`
	Deletions int    `json:"deletions"`
}

var stoppedError = &RunError{Code: "cancelled", Message: "Stopped by you"}

type finishArgs struct {
	fenced
	RunID   RunID   `json:"runId"`
	Outcome outcome `json:"outcome"`
}

// finish ends a run: the result row, the checkpoint's row and the final state
// are one transaction, so there is one result, and it has its checkpoint.
func finish(ctx *function.MutationCtx, a finishArgs) (any, error) {
	r, err := a.open(ctx, a.RunID)
	if err != nil {
		return nil, err
	}
	_, err = conclude(ctx, r, a.Outcome)
	return nil, err
}

// conclude writes the end of a run. The caller has checked that it is open.
func conclude(ctx *function.MutationCtx, r *Run, o outcome) (sessions.RowID, error) {
	now := millis(ctx.Now())
	r.EndedAt = now
	ctx.ClearStream(streamKey(r.ID))
	result := resultRow(r, o)
	row, err := insertRowID(ctx, r, result)
	if err != nil {
		return "", err
	}
	end := value.Object{
		"status": o.Status, "endedAt": now, "activity": value.Undefined,
		"waiting": value.Undefined, "reason": value.Undefined,
	}
	if o.Error != nil {
		end["error"] = *o.Error
	}
	if err := Runs.Patch(ctx, ctx.DB, r.ID, end); err != nil {
		return "", err
	}
	if c := o.Checkpoint; c != nil {
		commit := commits.Commit{
			SHA: c.SHA, SessionID: r.SessionID, ProjectID: r.ProjectID, Message: c.Message, Stats: c.Stats,
			Metadata: map[string]any{"runId": string(r.ID), "stored": c.Stored},
		}
		if row != "" {
			commit.MessageID = &row
		}
		if _, err := commits.Insert(ctx, ctx.DB, commit); err != nil {
			return "", err
		}
	}
	return row, appendStats(ctx, r, result)
}

// maxStats is how many results a session's document keeps.
const maxStats = 50

// appendStats adds the result's numbers to the session, under the names that
// its clients read, and keeps the newest.
func appendStats(ctx *function.MutationCtx, r *Run, result map[string]any) error {
	s, err := sessions.Sessions.Get(ctx, ctx.DB, r.SessionID)
	if err != nil || s == nil {
		return err
	}
	list, _ := s.Stats.([]any)
	one := map[string]any{
		"createdAt": r.EndedAt, "subtype": result["subtype"], "durationMs": result["duration_ms"],
		"durationApiMs": result["duration_api_ms"], "numTurns": result["num_turns"],
		"inputTokens": float64(r.Spent.InputTokens), "outputTokens": float64(r.Spent.OutputTokens),
		"cacheCreationInputTokens": float64(r.Spent.CacheCreationInputTokens), "cacheReadInputTokens": float64(r.Spent.CacheReadInputTokens),
	}
	if r.Spent.CostUSD != nil {
		one["costUsd"] = *r.Spent.CostUSD
	}
	list = append(list, one)
	list = list[max(0, len(list)-maxStats):]
	return sessions.Sessions.Patch(ctx, ctx.DB, s.ID, value.Object{"stats": list})
}
