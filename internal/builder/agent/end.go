package agent

import (
	"context"
	"time"

	"surgent.dev/surgent/internal/builder/agent/tools"
	"surgent.dev/surgent/sandbox"
)

// finish saves a checkpoint and ends the run. The commit comes first: a crash
// between the two finds it by its trailer.
func (t *task) finish(o outcome) error {
	if t.tb == nil && t.cur.Run.StartedAt > 0 {
		t.reach()
	}
	if err := t.answerOpenCalls(o.Status); err != nil {
		return err
	}
	t.sweep.Wait() // nothing writes while the checkpoint is made
	if t.tb != nil && t.cur.Run.StartedAt > 0 && t.cur.Run.Mode != string(tools.Ask) {
		c, err := t.checkpoint()
		if err := context.Cause(t.ctx); err != nil {
			return err
		}
		if err != nil {
			// The files are still in the sandbox, and the next run's
			// checkpoint takes them; the person is told.
			t.Logger.ErrorContext(t.ctx, "save checkpoint", "run", t.cur.Run.ID, "error", err)
			if o.Error == nil {
				o.Error = &RunError{Code: "checkpoint", Message: "The checkpoint of this run could not be saved. The files are in the sandbox."}
			}
		}
		o.Checkpoint = c
	}
	t.Moment("finish")
	if err := t.mutate(t.ctx, "agent:finish", finishArgs{t.fence, t.cur.Run.ID, o}, nil); err != nil {
		return err
	}
	if o.Checkpoint != nil {
		t.backup()
	}
	return nil
}

// backupTimeout bounds the save of a sandbox's files.
const backupTimeout = 30 * time.Second

// backup has the sandbox's files saved now, where its server can. The server
// saves from time to time anyway, so a failure costs minutes at most.
func (t *task) backup() {
	b, ok := t.Sandboxes.(sandbox.Backups)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(t.ctx, backupTimeout)
	defer cancel()
	if err := b.Backup(ctx, t.box); err != nil && t.ctx.Err() == nil {
		t.Logger.WarnContext(t.ctx, "save sandbox after run", "run", t.cur.Run.ID, "error", err)
	}
}

// reachTimeout is how long the end of a run waits for a sandbox that was not
// ready when the run was taken up again.
const reachTimeout = 10 * time.Second

// reach tries to get at the sandbox, to end and save what a run has left there.
func (t *task) reach() {
	t.patience = t.Now().Add(reachTimeout)
	if err := t.ready(t.ctx, false); err != nil {
		t.Logger.WarnContext(t.ctx, "run ends without its sandbox", "run", t.cur.Run.ID, "error", err)
	}
}

// forget empties what this worker showed of a run that it leaves unfinished.
func (t *task) forget() {
	hub := t.Streams
	hub.Clear(streamKey(t.cur.Run.ID))
	for _, c := range t.pending() {
		hub.Clear(outputKey(t.cur.Run.ID, c.ToolUseID))
	}
}

// checkpoint commits in the sandbox and brings the commit out of it.
func (t *task) checkpoint() (*checkpoint, error) {
	base := t.last
	if base == "" {
		base = t.cur.Run.Base
	}
	c, err := commit(t.ctx, t.tb, t.root, &t.cur.Run, base)
	if err != nil || c == nil {
		return nil, err
	}
	t.Moment("committed")
	if err := t.repos.Save(t.ctx, t.fence.ProjectID, t.tb, t.root, c.SHA, t.version+1); err != nil {
		t.Logger.ErrorContext(t.ctx, "store checkpoint", "run", t.cur.Run.ID, "error", err)
		return c, nil
	}
	c.Stored = true
	return c, nil
}
