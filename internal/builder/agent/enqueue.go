package agent

import (
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/internal/kit/errs"
)

// maxQueue is how many prompts may wait in a project: each is looked at again
// whenever one of them moves on.
const maxQueue = 100

// maxHourly is how many prompts a project takes in an hour, those that were
// taken back too: each leaves a row of up to half a megabyte.
const maxHourly = 300

// Enqueue puts a prompt at the end of its project's queue; it is
// sessions.Starter's.
func (s *Service) Enqueue(ctx *function.MutationCtx, p sessions.Run) (string, error) {
	waiting, err := Runs.Query(ctx.DB, "by_status", Queued, p.ProjectID).Take(ctx, maxQueue)
	if err != nil {
		return "", err
	}
	if len(waiting) == maxQueue {
		return "", errs.New(errs.Invalid, "%d prompts wait in this project already: let some of them run, or take them back", maxQueue)
	}
	newest, err := Runs.Query(ctx.DB, "by_project", p.ProjectID).Desc().Take(ctx, maxHourly)
	if err != nil {
		return "", err
	}
	if len(newest) == maxHourly && ctx.Now().Sub(time.UnixMilli(int64(newest[maxHourly-1].QueuedAt))) < time.Hour {
		return "", errs.New(errs.Invalid, "This project took %d prompts within an hour: wait a while", maxHourly)
	}
	info := s.Model.Info()
	name := p.Model
	if name == "" || info.Provider == "demo" {
		name = info.ID
	}
	id, err := Runs.Insert(ctx, ctx.DB, Run{
		SessionID: p.SessionID, ProjectID: p.ProjectID, PromptID: p.PromptRow, Subject: subjectOf(p.Prompt),
		Mode: p.Mode, Model: name, Status: Queued, QueuedAt: millis(ctx.Now()),
	})
	if err != nil {
		return "", err
	}
	return string(id), sendWorker(ctx, p.ProjectID)
}

// Stop ends what works in a session, or, when nothing does, takes back what
// waits in it; it is sessions.Starter's. The run that works ends within a
// second, in its worker; a queued one ends here.
func (s *Service) Stop(ctx *function.MutationCtx, id sessions.ID) error {
	session, err := sessions.Sessions.Get(ctx, ctx.DB, id)
	if err != nil || session == nil {
		return err
	}
	var waiting []Run
	runs, err := openRuns(ctx, session.ProjectID)
	if err != nil {
		return err
	}
	for _, r := range runs {
		switch {
		case r.SessionID != id:
		case r.Status == Queued && r.StartedAt == 0:
			waiting = append(waiting, r)
		default:
			return s.requestStop(ctx, r)
		}
	}
	for _, r := range waiting {
		if err := s.takeBack(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) requestStop(ctx *function.MutationCtx, r Run) error {
	if r.StopRequestedAt > 0 {
		return nil
	}
	ctx.AfterCommit(func() { s.runs.end(r.ID, errStopped) })
	return Runs.Patch(ctx, ctx.DB, r.ID, value.Object{"stopRequestedAt": millis(ctx.Now())})
}

// takeBack ends a run that has not begun.
func (s *Service) takeBack(ctx *function.MutationCtx, r Run) error {
	ctx.AfterCommit(func() { s.runs.end(r.ID, errStopped) })
	_, err := conclude(ctx, &r, outcome{Status: Cancelled, Subtype: "error_cancelled", Error: stoppedError})
	return err
}

// Deleted ends the runs of a project that is being removed; it is for
// projects.Parts.
func (s *Service) Deleted(ctx *function.MutationCtx, p *projects.Project) error {
	runs, err := openRuns(ctx, p.ID)
	if err != nil {
		return err
	}
	for _, r := range runs {
		end := value.Object{"status": Cancelled, "endedAt": millis(ctx.Now())}
		if err := Runs.Patch(ctx, ctx.DB, r.ID, end); err != nil {
			return err
		}
	}
	// The lease goes too, so that a worker in mid-step can write no more.
	ctx.AfterCommit(func() { s.workers.end(p.ID, errLost) })
	l, err := leaseOf(ctx, ctx.DB, p.ID)
	if err != nil || l == nil {
		return err
	}
	return leases.Delete(ctx, ctx.DB, l.ID)
}

// Forget ends the runs of a session that is being deleted and has their
// journal removed; it is sessions.Starter's.
func (s *Service) Forget(ctx *function.MutationCtx, id sessions.ID) error {
	session, err := sessions.Sessions.Get(ctx, ctx.DB, id)
	if err != nil || session == nil {
		return err
	}
	runs, err := openRuns(ctx, session.ProjectID)
	if err != nil {
		return err
	}
	for _, r := range runs {
		switch {
		case r.SessionID != id:
		case r.StartedAt == 0:
			err = s.takeBack(ctx, r)
		default:
			err = s.requestStop(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	_, err = ctx.Scheduler.RunAfter(ctx, 0, "agent:forget", sessionArgs{id})
	return err
}

const (
	forgetPortion = 500
	forgetWait    = 2 * time.Second // for a run that is being stopped
)

// forget removes the journal of a session that is gone, in portions.
func (s *Service) forget(ctx *function.MutationCtx, a sessionArgs) (any, error) {
	r, err := Runs.Query(ctx.DB, "by_session", a.SessionID).First(ctx)
	if err != nil || r == nil {
		return nil, err
	}
	wait := time.Duration(0)
	if r.Open() {
		wait = forgetWait
	} else if err := s.purgeRun(ctx, r.ID, forgetPortion); err != nil {
		return nil, err
	}
	_, err = ctx.Scheduler.RunAfter(ctx, wait, "agent:forget", a)
	return nil, err
}

// Purge removes up to about n documents of a removed project; it is for
// projects.Parts.
func (s *Service) Purge(ctx *function.MutationCtx, id projects.ID, n int) (left bool, err error) {
	r, err := Runs.Query(ctx.DB, "by_project", id).First(ctx)
	if err != nil || r == nil {
		return false, err
	}
	return true, s.purgeRun(ctx, r.ID, n)
}

// purgeRun removes up to about n documents of a run's journal, and the run once
// it is empty.
func (s *Service) purgeRun(ctx *function.MutationCtx, id RunID, n int) error {
	stepDocs, err := steps.Query(ctx.DB, "by_run", id).Take(ctx, n)
	if err != nil {
		return err
	}
	for _, d := range stepDocs {
		if err := steps.Delete(ctx, ctx.DB, d.ID); err != nil {
			return err
		}
	}
	callDocs, err := calls.Query(ctx.DB, "by_run", id).Take(ctx, n)
	if err != nil {
		return err
	}
	for _, d := range callDocs {
		if err := calls.Delete(ctx, ctx.DB, d.ID); err != nil {
			return err
		}
	}
	if len(stepDocs) == n || len(callDocs) == n {
		return nil
	}
	ctx.AfterCommit(func() { s.discard(id) })
	return Runs.Delete(ctx, ctx.DB, id)
}
