package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"surgent.dev/surgent/internal/builder/agent/tools"
	"surgent.dev/surgent/internal/kit/clock"
)

const (
	maxResults    = 24 << 20 // bytes of results that a run keeps whole
	shortResult   = 4 << 10  // of each one after them
	parallelReads = 4
	warnAfter     = 3 // equal failing calls in a row after which the model is told
	stuckAfter    = 5 // and after which the run ends
	boxAttempts   = 5 // tries of one call while the sandbox does not answer
)

const stoppedText = "Stopped by the person before it ran."

// fillInputs reads the inputs of calls whose answer is a file.
func (t *task) fillInputs() error {
	for i := range t.cur.Steps {
		s := &t.cur.Steps[i]
		if s.Blob == "" {
			continue
		}
		blocks, err := t.content(s)
		if err != nil {
			return err
		}
		for _, b := range callsIn(blocks) {
			for j := range t.cur.Calls {
				if c := &t.cur.Calls[j]; c.Step == s.N && c.ToolUseID == b.ID {
					c.Input = string(b.Input)
				}
			}
		}
	}
	return nil
}

// runCalls runs the calls that have no result: neighbours that only read
// beside one another, all others in order.
func (t *task) runCalls(pending []*Call) error {
	if err := t.fillInputs(); err != nil {
		return err
	}
	for len(pending) > 0 {
		n := 1
		if tools.Class(pending[0].Class) == tools.Read {
			for n < len(pending) && tools.Class(pending[n].Class) == tools.Read {
				n++
			}
		}
		if err := t.runGroup(pending[:n]); err != nil {
			return err
		}
		pending = pending[n:]
	}
	return nil
}

func (t *task) runGroup(group []*Call) error {
	if len(group) == 1 {
		res, err := t.execute(group[0])
		if err != nil {
			return err
		}
		return t.callDone(group[0], res)
	}
	results, errs := make([]tools.Result, len(group)), make([]error, len(group))
	var g errgroup.Group
	g.SetLimit(parallelReads)
	for i, c := range group {
		g.Go(func() error {
			results[i], errs[i] = t.once(c)
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	for i, c := range group {
		if errs[i] != nil {
			// Once more by itself, with all the patience that a sandbox needs.
			if results[i], errs[i] = t.execute(c); errs[i] != nil {
				return errs[i]
			}
		}
		if err := t.callDone(c, results[i]); err != nil {
			return err
		}
	}
	return nil
}

// started journals that a call begins. One that only reads needs no record: it
// runs again after a crash.
func (t *task) started(c *Call, plan *tools.Plan) error {
	if tools.Class(c.Class) == tools.Read {
		return nil
	}
	args := callStartedArgs{fenced: t.fence, RunID: t.cur.Run.ID, CallID: c.ID, Path: plan.Path, Before: plan.Before, After: plan.After}
	var at float64
	if err := t.mutate(t.ctx, "agent:callStarted", args, &at); err != nil {
		return err
	}
	c.Status, c.StartedAt = CallStarted, at
	c.Path, c.Before, c.After = plan.Path, plan.Before, plan.After
	return nil
}

// execute runs one call, or goes on with it after a crash, and again while the
// sandbox does not answer. A call that was started is never started twice.
func (t *task) execute(c *Call) (tools.Result, error) {
	for attempt := 1; ; attempt++ {
		if errors.Is(context.Cause(t.live), errStopped) && c.Status == CallPlanned {
			return tools.Result{Text: stoppedText, IsError: true}, nil
		}
		res, err := t.once(c)
		switch {
		case err == nil:
			return res, nil
		case context.Cause(t.ctx) != nil:
			return tools.Result{}, context.Cause(t.ctx)
		case errors.Is(err, errFenced):
			return tools.Result{}, err
		case errors.Is(context.Cause(t.live), errStopped):
			return t.abandoned(c), nil
		case attempt == boxAttempts:
			t.Logger.ErrorContext(t.ctx, "tool call failed", "run", t.cur.Run.ID, "tool", c.Name, "error", err)
			text := fmt.Sprintf("The sandbox does not answer, so it is not known what became of this %s. Look at the state of the files before you go on.", c.Name)
			return tools.Result{Text: text, IsError: true}, nil
		}
		t.Logger.WarnContext(t.ctx, "sandbox failed in a tool call", "run", t.cur.Run.ID, "tool", c.Name, "attempt", attempt, "error", err)
		if err := clock.Sleep(t.live, readyEvery); err != nil {
			continue // stopped: the next turn of this loop says so
		}
		if err := t.ready(t.live, true); err != nil && context.Cause(t.live) == nil {
			return tools.Result{}, err
		}
		t.env.Toolbox = t.tb
	}
}

func (t *task) once(c *Call) (tools.Result, error) {
	if c.Status == CallStarted {
		j := tools.Journaled{Before: c.Before, After: c.After, StartedAt: time.UnixMilli(int64(c.StartedAt))}
		return t.set.Recover(t.live, t.env, c.call(), j)
	}
	plan, refused, err := t.set.Prepare(t.live, t.env, c.call())
	if err != nil {
		return tools.Result{}, err
	}
	if refused != nil {
		return *refused, nil
	}
	if err := t.started(c, plan); err != nil {
		return tools.Result{}, err
	}
	t.Moment("started " + c.Name)
	res, err := plan.Run(t.live)
	if err == nil {
		t.Moment("ran " + c.Name)
	}
	return res, err
}

// abandoned ends a call that the person stopped while it ran.
func (t *task) abandoned(c *Call) tools.Result {
	if tools.Class(c.Class) == tools.Effect && t.env.Toolbox != nil {
		if err := tools.Abandon(t.ctx, t.env.Toolbox, c.ToolUseID); err != nil {
			t.Logger.WarnContext(t.ctx, "end a stopped command", "run", t.cur.Run.ID, "error", err)
		}
	}
	return tools.Result{Text: "Stopped by the person before it ended.", IsError: true}
}

// callDone journals a result with its row.
func (t *task) callDone(c *Call, res tools.Result) error {
	c.IsError = res.IsError // for the count of equal failures
	if n := repeats(t.upTo(c)); n >= warnAfter {
		res.Text += fmt.Sprintf("\n(The same call has now failed %d times in a row. Try something else.)", n)
	}
	res.Text = t.redact.text(res.Text)
	if t.results += len(res.Text); t.results > maxResults {
		// The journal of a run is read in one query, which has its limit.
		res.Text = cutText(res.Text, shortResult)
	}
	if strings.TrimSpace(res.Text) == "" {
		res.Text = "(no output)"
	}
	row, err := toolRow(&t.cur.Run, c, res, t.Now().UTC().Format(time.RFC3339Nano))
	if err != nil {
		return err
	}
	args := callDoneArgs{
		fenced: t.fence, RunID: t.cur.Run.ID, CallID: c.ID, Text: res.Text, IsError: res.IsError,
		Path: res.Path, Hash: res.Hash, Dir: res.Dir, Row: t.storable(row),
	}
	for _, next := range t.pending() {
		if next != c {
			args.Next = &Activity{Kind: "tool", ToolUseID: next.ToolUseID, Name: next.Name}
			break
		}
	}
	if err := t.mutate(t.ctx, "agent:callDone", args, nil); err != nil {
		return err
	}
	c.Status, c.Text = CallDone, res.Text
	if res.Path != "" && res.Hash != "" {
		c.Path, c.Hash = res.Path, res.Hash
		t.env.Seen[res.Path] = res.Hash
	}
	if res.Dir != "" {
		t.env.Dir, t.cur.Run.Dir = res.Dir, res.Dir
	}
	if tools.Class(c.Class) == tools.Effect && t.env.Toolbox != nil {
		// Its output is in the journal now, and nothing waits for this. What
		// stays when it fails is an ended shell in the sandbox.
		tb, id := t.env.Toolbox, c.ToolUseID
		t.sweep.Go(func() {
			if err := tools.Abandon(t.ctx, tb, id); err != nil {
				t.Logger.DebugContext(t.ctx, "delete command session", "run", t.cur.Run.ID, "error", err)
			}
		})
	}
	t.Moment("recorded " + c.Name)
	return nil
}

// upTo returns the run's calls up to and with c.
func (t *task) upTo(c *Call) []Call {
	for i := range t.cur.Calls {
		if t.cur.Calls[i].ID == c.ID {
			return t.cur.Calls[:i+1]
		}
	}
	return nil
}

// repeats counts how often the newest call has failed in a row, unchanged.
func repeats(all []Call) int {
	n := 0
	for i := len(all) - 1; i >= 0; i-- {
		c, last := all[i], all[len(all)-1]
		if !c.IsError || c.Name != last.Name || c.Input != last.Input {
			break
		}
		n++
	}
	return n
}

// answerOpenCalls gives each call without a result one that says why, so that
// the conversation is whole. Whatever still runs is ended.
func (t *task) answerOpenCalls(end Status) error {
	for _, c := range t.pending() {
		if t.env == nil { // stopped before the sandbox was ready
			t.env = &tools.Env{Seen: map[string]string{}, Toolbox: t.tb}
		}
		res := tools.Result{Text: stoppedText, IsError: true}
		if c.Status == CallStarted {
			res = t.abandoned(c)
		}
		if end != Cancelled {
			res.Text = interruptedText
		}
		if err := t.callDone(c, res); err != nil {
			return err
		}
	}
	return nil
}
