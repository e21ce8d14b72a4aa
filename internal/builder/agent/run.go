package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"surgent.dev/surgent/internal/builder/agent/tools"
	"surgent.dev/surgent/model"
	"surgent.dev/surgent/sandbox"
)

// errStopped is the cause of a context whose run the person stopped.
var errStopped = tools.ErrStopped

// maxStalls is how often a run is taken up again without a step forward before
// it counts as broken.
const maxStalls = 5

// task is one run while a worker works on it.
type task struct {
	*worker
	// ctx lives as long as the lease: what must be written is written under
	// it. live ends earlier, when the person stops the run.
	ctx, live context.Context

	entries []entry
	cur     *entry // the last one: this run
	version int    // of the newest checkpoint
	last    string // its commit

	box     string // the sandbox's id
	tb      sandbox.Toolbox
	root    string
	set     *tools.Set
	env     *tools.Env
	system  string
	slug    string
	trimmed int // results that are left out of the conversation
	results int // bytes of all results of this run
	touched time.Time
	// patience, when set, is when waiting for the sandbox is given up.
	patience time.Time
	sweep    sync.WaitGroup // ends what commands left behind
}

// run works on one run until it has ended. An error means that it has not:
// the lease is gone, the server stops, or the database does not answer.
func (w *worker) run(ctx context.Context, id RunID) error {
	live, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer w.runs.add(id, cancel)()
	var d *loaded
	if err := w.query(ctx, "agent:load", runArgs{id}, &d); err != nil {
		return err
	}
	if d == nil {
		return errFenced // removed in the meantime
	}
	t := &task{worker: w, ctx: ctx, live: live, entries: d.Entries, version: d.Version, last: d.SHA, slug: d.Slug}
	t.cur = &t.entries[len(t.entries)-1]
	if !t.cur.Run.Open() {
		return nil
	}
	defer t.forget()
	defer t.sweep.Wait()
	if t.cur.Run.StopRequestedAt > 0 {
		cancel(errStopped)
	}
	if err := t.prepare(); err != nil {
		return t.orStopped(err)
	}
	if t.cur.Run.Stalls > maxStalls {
		return t.finish(outcome{Status: Interrupted, Subtype: "error_during_execution", Error: &RunError{
			Code: "interrupted", Message: "The run was interrupted too often. The files are as it left them.",
		}})
	}
	return t.loop()
}

// orStopped ends the run when err came of the person's stop.
func (t *task) orStopped(err error) error {
	if t.ctx.Err() == nil && errors.Is(context.Cause(t.live), errStopped) {
		return t.finish(outcome{Status: Cancelled, Subtype: "error_cancelled", Error: stoppedError})
	}
	return err
}

// prepare waits for the sandbox and begins the run.
func (t *task) prepare() error {
	mode := tools.Code
	if t.cur.Run.Mode == string(tools.Ask) {
		mode = tools.Ask
	}
	var err error
	if t.set, err = tools.For(mode); err != nil {
		return err
	}
	if err := t.ready(t.live, false); err != nil {
		return err
	}
	args := beginArgs{fenced: t.fence, RunID: t.cur.Run.ID, Dir: t.root, Row: t.storable(initRow(&t.cur.Run, t.root, t.set.Names()))}
	if t.cur.Run.StartedAt > 0 {
		args.Away = millis(t.Now()) - t.cur.lastSign()
	} else if t.last == "" {
		if args.Base, err = head(t.live, t.tb, t.root); err != nil {
			return err
		}
	}
	var r *Run
	if err := t.mutate(t.ctx, "agent:begin", args, &r); err != nil {
		return err
	}
	t.cur.Run = *r
	t.Moment("begun")
	t.system = t.systemText(mode)
	t.env = &tools.Env{
		Toolbox: t.tb, Root: t.root, Dir: r.Dir, Seen: map[string]string{}, Now: t.Now,
		Output: func(call, tail string) {
			sure, _ := t.redact.open(t.redact.text(tail))
			t.Streams.Set(outputKey(r.ID, call), sure)
		},
	}
	for _, e := range t.entries {
		for _, c := range e.Calls {
			if c.Path != "" && c.Hash != "" {
				t.env.Seen[c.Path] = c.Hash
			}
		}
	}
	t.env.Todos = lastTodos(t.cur.Calls)
	for _, c := range t.cur.Calls {
		t.results += len(c.Text)
	}
	return nil
}

func lastTodos(all []Call) []tools.Todo {
	var todos []tools.Todo
	for _, c := range all {
		if c.Name != "TodoWrite" || c.Status != CallDone || c.IsError {
			continue
		}
		var in struct {
			Todos []tools.Todo `json:"todos"`
		}
		if json.Unmarshal([]byte(c.Input), &in) == nil {
			todos = in.Todos
		}
	}
	return todos
}

// loop goes from step to step until the run has ended. What comes next is
// read from the journal alone, so a worker that takes a run up again begins
// anywhere.
func (t *task) loop() error {
	for {
		if err := context.Cause(t.ctx); err != nil {
			return err
		}
		if pending := t.pending(); len(pending) > 0 {
			if err := t.runCalls(pending); err != nil {
				return t.orStopped(err)
			}
			continue
		}
		if context.Cause(t.live) != nil {
			return t.orStopped(context.Cause(t.live))
		}
		end, err := t.decide()
		if err != nil {
			return err
		}
		if end != nil {
			return t.finish(*end)
		}
		if end, err = t.ask(); err != nil {
			return t.orStopped(err)
		}
		if end != nil {
			return t.finish(*end)
		}
	}
}

// pending returns the calls of the newest step that have no result.
func (t *task) pending() []*Call {
	var out []*Call
	for i := range t.cur.Calls {
		if t.cur.Calls[i].Status != CallDone {
			out = append(out, &t.cur.Calls[i])
		}
	}
	return out
}

// maxCuts is how many answers in a row may be cut off, maxPauses how many may
// be paused.
const (
	maxCuts   = 3
	maxPauses = 10
)

// decide looks at the newest answer, whose calls all have results, and returns
// how the run ended, or nil when the model is to be asked again.
func (t *task) decide() (*outcome, error) {
	r := &t.cur.Run
	if worked := millis(t.Now()) - r.StartedAt - r.Away; worked > float64(t.Limits.Duration.Milliseconds()) {
		return limitOutcome("error_max_duration", "This run reached its limit of "+spell(t.Limits.Duration)+"."), nil
	}
	done := doneSteps(t.cur.Steps)
	if len(done) == 0 {
		return nil, nil
	}
	s := done[len(done)-1]
	blocks, err := t.content(s)
	if err != nil {
		return nil, err
	}
	called := len(callsIn(blocks)) > 0
	if called && repeats(t.cur.Calls) >= stuckAfter {
		return &outcome{Status: Failed, Subtype: "error_during_execution", Error: &RunError{
			Code: "stuck", Message: fmt.Sprintf("Stopped: the same call failed %d times in a row.", stuckAfter),
		}}, nil
	}
	if !called {
		if end := t.ending(s, blocks, done); end != nil {
			return end, nil
		}
	}
	if r.Step >= t.Limits.Steps {
		return limitOutcome("error_max_turns", fmt.Sprintf("This run reached its limit of %d model calls.", t.Limits.Steps)), nil
	}
	return nil, nil
}

func limitOutcome(subtype, text string) *outcome {
	return &outcome{Status: Failed, Subtype: subtype, Error: &RunError{Code: "limit", Message: text}}
}

// ending returns how an answer without calls ends the run, nil when it does
// not.
func (t *task) ending(s *Step, blocks []json.RawMessage, done []*Step) *outcome {
	reason := model.StopReason(s.StopReason)
	switch reason {
	case model.Refusal:
		return &outcome{Status: Failed, Subtype: "error_refusal", StopReason: s.StopReason, Error: &RunError{
			Code: "refusal", Message: "The model refused this prompt. Say it in another way.",
		}}
	case model.ContextWindowExceeded:
		if row(done, reason) > maxCuts {
			return &outcome{Status: Failed, Subtype: "error_api", StopReason: s.StopReason, Error: errTooLong}
		}
		t.shorten() // where nothing can be left out, the next answer may still fit
		return nil
	case model.MaxTokens:
		if row(done, reason) > maxCuts {
			return &outcome{Status: Failed, Subtype: "error_during_execution", StopReason: s.StopReason, Error: &RunError{
				Code: "output_limit", Message: "The model's answers were cut off again and again. Ask for less at a time.",
			}}
		}
		return nil
	case model.PauseTurn:
		if row(done, reason) <= maxPauses {
			return nil
		}
	default:
		// An empty answer is nudged once.
		if len(blocks) == 0 && (len(done) < 2 || !empty(done[len(done)-2])) {
			return nil
		}
	}
	return &outcome{Status: Succeeded, Subtype: "success", StopReason: s.StopReason, Text: lastText(blocks)}
}

func empty(s *Step) bool { return s.Blob == "" && (s.Raw == "" || s.Raw == "[]") }

// row counts the newest answers that ended for the same reason.
func row(done []*Step, reason model.StopReason) int {
	n := 0
	for i := len(done) - 1; i >= 0 && model.StopReason(done[i].StopReason) == reason; i-- {
		n++
	}
	return n
}

func doneSteps(all []Step) []*Step {
	var out []*Step
	for i := range all {
		if all[i].Status == StepDone {
			out = append(out, &all[i])
		}
	}
	return out
}
