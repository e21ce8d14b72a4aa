package agent

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/model"
)

// open returns a run that this worker may write, or errFenced: its lease is
// gone, or the run has ended.
func (f fenced) open(ctx *function.MutationCtx, id RunID) (*Run, error) {
	if _, err := f.check(ctx); err != nil {
		return nil, err
	}
	r, err := Runs.Get(ctx, ctx.DB, id)
	if err != nil {
		return nil, err
	}
	if r == nil || !r.Open() || r.ProjectID != f.ProjectID {
		return nil, errFenced
	}
	return r, nil
}

type beginArgs struct {
	fenced
	RunID RunID  `json:"runId"`
	Base  string `json:"base,omitempty"`
	Dir   string `json:"dir"`
	Row   any    `json:"row"` // system/init
	// Away is how long, in ms, nobody worked on a run that was begun before.
	Away float64 `json:"away,omitempty"`
}

// begin starts a queued run, or notes that another worker goes on with one
// that was begun.
func begin(ctx *function.MutationCtx, a beginArgs) (*Run, error) {
	r, err := a.open(ctx, a.RunID)
	if err != nil {
		return nil, err
	}
	change := value.Object{"status": Running, "waiting": value.Undefined, "reason": value.Undefined}
	if r.StartedAt > 0 {
		change["resumes"], change["stalls"] = r.Resumes+1, r.Stalls+1
		change["resumedAt"], change["away"] = millis(ctx.Now()), r.Away+a.Away
	} else {
		change["startedAt"], change["base"], change["dir"] = millis(ctx.Now()), a.Base, a.Dir
		if err := insertRow(ctx, r, a.Row); err != nil {
			return nil, err
		}
		if err := introduce(ctx, r); err != nil {
			return nil, err
		}
	}
	if err := Runs.Patch(ctx, ctx.DB, r.ID, change); err != nil {
		return nil, err
	}
	return Runs.Get(ctx, ctx.DB, r.ID)
}

// introduce notes in the session whose agent works in it, in the fields that
// clients read, and names a session that nobody has named after its first
// prompt.
func introduce(ctx *function.MutationCtx, r *Run) error {
	s, err := sessions.Sessions.Get(ctx, ctx.DB, r.SessionID)
	if err != nil || s == nil {
		return err
	}
	change := value.Object{"agentSessionId": string(r.SessionID), "agentProvider": "surgent"}
	if s.Title == "" || s.Title == sessions.DefaultTitle {
		change["title"] = r.Subject
	}
	return sessions.Sessions.Patch(ctx, ctx.DB, s.ID, change)
}

// insertRow adds a row to the run's timeline. A session that was deleted in
// the meantime has none.
func insertRow(ctx *function.MutationCtx, r *Run, raw any) error {
	_, err := insertRowID(ctx, r, raw)
	return err
}

func insertRowID(ctx *function.MutationCtx, r *Run, raw any) (sessions.RowID, error) {
	s, err := sessions.Sessions.Get(ctx, ctx.DB, r.SessionID)
	if err != nil || s == nil {
		return "", err
	}
	return sessions.InsertRow(ctx, ctx.DB, sessions.Row{SessionID: r.SessionID, Raw: raw, RunID: string(r.ID)})
}

type stepStartedArgs struct {
	fenced
	RunID   RunID `json:"runId"`
	N       int   `json:"n"`
	Attempt int   `json:"attempt"`
	Assumed Spent `json:"assumed"`
}

// stepStarted journals that the model is about to be asked.
func stepStarted(ctx *function.MutationCtx, a stepStartedArgs) (StepID, error) {
	r, err := a.open(ctx, a.RunID)
	if err != nil {
		return "", err
	}
	now := millis(ctx.Now())
	ctx.ClearStream(streamKey(r.ID))
	change := value.Object{
		"status": Running, "waiting": value.Undefined, "step": a.N,
		"activity": Activity{Kind: "thinking", StartedAt: now},
	}
	// An attempt that a crash cut off is still "started". Its provider charges
	// for it all the same.
	old, err := steps.Query(ctx.DB, "by_run", r.ID, a.N).All(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range old {
		if s.Status == StepStarted {
			end := value.Object{"status": StepFailed, "error": "interrupted", "endedAt": now}
			if s.Assumed != nil {
				end["usage"] = *s.Assumed
				change["spent"] = r.Spent.plus(*s.Assumed)
			}
			if err := steps.Patch(ctx, ctx.DB, s.ID, end); err != nil {
				return "", err
			}
		}
	}
	if err := Runs.Patch(ctx, ctx.DB, r.ID, change); err != nil {
		return "", err
	}
	return steps.Insert(ctx, ctx.DB, Step{
		RunID: r.ID, N: a.N, Status: StepStarted, Attempt: a.Attempt, Assumed: &a.Assumed, StartedAt: now,
	})
}

type stepFailedArgs struct {
	fenced
	RunID  RunID  `json:"runId"`
	StepID StepID `json:"stepId"`
	Error  string `json:"error"`
	Usage  *Spent `json:"usage,omitempty"`
	Pause  *Pause `json:"pause,omitempty"` // nil when there is no next attempt
}

// stepFailed journals a failed attempt: its text is discarded, what it cost
// counts.
func stepFailed(ctx *function.MutationCtx, a stepFailedArgs) (any, error) {
	r, err := a.open(ctx, a.RunID)
	if err != nil {
		return nil, err
	}
	ctx.ClearStream(streamKey(r.ID))
	step, err := steps.Get(ctx, ctx.DB, a.StepID)
	if err != nil {
		return nil, err
	}
	if step == nil || step.Status != StepStarted {
		return nil, errFenced
	}
	now := millis(ctx.Now())
	end := value.Object{"status": StepFailed, "error": a.Error, "endedAt": now}
	change := value.Object{"activity": value.Undefined, "modelTime": r.ModelTime + now - step.StartedAt}
	if a.Usage != nil {
		end["usage"] = *a.Usage
		change["spent"] = r.Spent.plus(*a.Usage)
	}
	if a.Pause != nil {
		change["status"], change["waiting"] = Waiting, *a.Pause
	}
	if err := steps.Patch(ctx, ctx.DB, a.StepID, end); err != nil {
		return nil, err
	}
	return nil, Runs.Patch(ctx, ctx.DB, r.ID, change)
}

type stepDoneArgs struct {
	fenced
	RunID      RunID      `json:"runId"`
	StepID     StepID     `json:"stepId"`
	Status     StepStatus `json:"status"` // done, stopped
	MessageID  string     `json:"messageId"`
	Model      string     `json:"model"`
	Raw        string     `json:"raw,omitempty"`
	Blob       string     `json:"blob,omitempty"`
	StopReason string     `json:"stopReason,omitempty"`
	Usage      Spent      `json:"usage"`
	Calls      []callPlan `json:"calls"`
	Row        any        `json:"row,omitempty"` // assistant; absent for an empty answer
}

type callPlan struct {
	ToolUseID string `json:"toolUseId"`
	Name      string `json:"name"`
	Input     string `json:"input,omitempty"`
	Class     string `json:"class"`
}

// stepDone journals a whole answer with its row and the calls that it asks
// for, and empties the stream in the same instant: whoever looks sees the text
// once.
func stepDone(ctx *function.MutationCtx, a stepDoneArgs) ([]Call, error) {
	r, err := a.open(ctx, a.RunID)
	if err != nil {
		return nil, err
	}
	step, err := steps.Get(ctx, ctx.DB, a.StepID)
	if err != nil {
		return nil, err
	}
	if step == nil || step.Status != StepStarted {
		return nil, errFenced
	}
	ctx.ClearStream(streamKey(r.ID))
	now := millis(ctx.Now())
	end := value.Object{
		"status": a.Status, "messageId": a.MessageID, "model": a.Model, "stopReason": a.StopReason,
		"usage": a.Usage, "endedAt": now, "raw": a.Raw, "blob": a.Blob,
	}
	if err := steps.Patch(ctx, ctx.DB, step.ID, end); err != nil {
		return nil, err
	}
	if a.Row != nil {
		if err := insertRow(ctx, r, a.Row); err != nil {
			return nil, err
		}
	}
	for i, c := range a.Calls {
		_, err := calls.Insert(ctx, ctx.DB, Call{
			RunID: r.ID, SessionID: r.SessionID, Step: step.N, Index: i, ToolUseID: c.ToolUseID,
			Name: c.Name, Input: c.Input, Class: c.Class, Status: CallPlanned,
		})
		if err != nil {
			return nil, err
		}
	}
	change := value.Object{
		"spent": r.Spent.plus(a.Usage), "activity": value.Undefined, "stalls": value.Undefined,
		"modelTime": r.ModelTime + now - step.StartedAt,
	}
	if len(a.Calls) > 0 {
		change["activity"] = Activity{Kind: "tool", ToolUseID: a.Calls[0].ToolUseID, Name: a.Calls[0].Name, StartedAt: now}
	}
	if err := Runs.Patch(ctx, ctx.DB, r.ID, change); err != nil {
		return nil, err
	}
	return calls.Query(ctx.DB, "by_run", r.ID, step.N).All(ctx)
}

type callStartedArgs struct {
	fenced
	RunID  RunID  `json:"runId"`
	CallID CallID `json:"callId"`
	Path   string `json:"path,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// callStarted journals that a call is about to run, with what is known of the
// file that it changes.
func callStarted(ctx *function.MutationCtx, a callStartedArgs) (float64, error) {
	r, err := a.open(ctx, a.RunID)
	if err != nil {
		return 0, err
	}
	c, err := calls.Get(ctx, ctx.DB, a.CallID)
	if err != nil {
		return 0, err
	}
	if c == nil || c.Status != CallPlanned {
		return 0, errFenced
	}
	now := millis(ctx.Now())
	start := value.Object{"status": CallStarted, "startedAt": now, "path": a.Path, "before": a.Before, "after": a.After}
	if err := calls.Patch(ctx, ctx.DB, c.ID, start); err != nil {
		return 0, err
	}
	act := Activity{Kind: "tool", ToolUseID: c.ToolUseID, Name: c.Name, StartedAt: now}
	return now, Runs.Patch(ctx, ctx.DB, r.ID, value.Object{"activity": act})
}

type callDoneArgs struct {
	fenced
	RunID   RunID  `json:"runId"`
	CallID  CallID `json:"callId"`
	Text    string `json:"text"`
	IsError bool   `json:"isError"`
	Path    string `json:"path,omitempty"`
	Hash    string `json:"hash,omitempty"`
	Dir     string `json:"dir,omitempty"`
	Row     any    `json:"row"`
	// Next is the call of the same step that comes now, nil after the last.
	Next *Activity `json:"next,omitempty"`
}

// callDone journals a call's result with its row, and empties its live output.
func callDone(ctx *function.MutationCtx, a callDoneArgs) (any, error) {
	r, err := a.open(ctx, a.RunID)
	if err != nil {
		return nil, err
	}
	c, err := calls.Get(ctx, ctx.DB, a.CallID)
	if err != nil {
		return nil, err
	}
	if c == nil || c.Status == CallDone {
		return nil, errFenced
	}
	ctx.ClearStream(outputKey(r.ID, c.ToolUseID))
	now := millis(ctx.Now())
	end := value.Object{"status": CallDone, "text": a.Text, "isError": a.IsError, "endedAt": now}
	if a.Path != "" {
		end["path"], end["hash"] = a.Path, a.Hash
	}
	if err := calls.Patch(ctx, ctx.DB, c.ID, end); err != nil {
		return nil, err
	}
	change := value.Object{"stalls": value.Undefined}
	if a.Next != nil {
		a.Next.StartedAt = now
		change["activity"] = *a.Next
	}
	if a.Dir != "" {
		change["dir"] = a.Dir
	}
	if c.Name != "TodoWrite" {
		change["calls"] = r.Calls + 1
	}
	if err := Runs.Patch(ctx, ctx.DB, r.ID, change); err != nil {
		return nil, err
	}
	return nil, insertRow(ctx, r, a.Row)
}

func (s Spent) usage() model.Usage {
	return model.Usage{
		InputTokens: s.InputTokens, OutputTokens: s.OutputTokens,
		CacheCreationInputTokens: s.CacheCreationInputTokens, CacheReadInputTokens: s.CacheReadInputTokens,
	}
}

// plus adds what a step has used. Costs add up only while each is known.
func (s Spent) plus(t Spent) Spent {
	out := Spent{
		InputTokens:              s.InputTokens + t.InputTokens,
		OutputTokens:             s.OutputTokens + t.OutputTokens,
		CacheReadInputTokens:     s.CacheReadInputTokens + t.CacheReadInputTokens,
		CacheCreationInputTokens: s.CacheCreationInputTokens + t.CacheCreationInputTokens,
	}
	if t.CostUSD != nil {
		cost := *t.CostUSD
		if s.CostUSD != nil {
			cost += *s.CostUSD
		}
		out.CostUSD = &cost
	}
	return out
}
