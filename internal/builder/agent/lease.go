package agent

import (
	"context"
	"errors"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
)

// errFenced is returned to a worker that no longer holds its project's lease:
// somebody else works there now.
var errFenced = errs.New(errs.Conflict, "The lease of this project's agent is gone")

// errLost is the cause with which a worker's context ends when its lease is
// gone.
var errLost = errors.New("agent: the lease is lost")

// fenced is what each mutation of a worker carries.
type fenced struct {
	ProjectID projects.ID `json:"projectId"`
	Fence     int         `json:"fence"`
}

// check compares the fence in the mutation's own transaction.
func (f fenced) check(ctx *function.MutationCtx) (*Lease, error) {
	l, err := leaseOf(ctx, ctx.DB, f.ProjectID)
	if err != nil {
		return nil, err
	}
	if l == nil || l.Fence != f.Fence {
		return nil, errFenced
	}
	return l, nil
}

func leaseOf(ctx context.Context, r store.Reader, id projects.ID) (*Lease, error) {
	return leases.Query(r, "by_project", id).First(ctx)
}

type projectArgs struct {
	ProjectID projects.ID `json:"projectId"`
}

type claimArgs struct {
	ProjectID projects.ID `json:"projectId"`
	Owner     string      `json:"owner"`
}

// claim takes a project's lease, unless another worker lives. The fence it
// returns is 0 when it was not given.
func (s *Service) claim(ctx *function.MutationCtx, a claimArgs) (int, error) {
	now := millis(ctx.Now())
	l, err := leaseOf(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return 0, err
	}
	until := now + float64(s.Limits.Lease.Milliseconds())
	if l == nil {
		_, err := leases.Insert(ctx, ctx.DB, Lease{ProjectID: a.ProjectID, Owner: a.Owner, Until: until, Fence: 1})
		return 1, err
	}
	if l.Until > now {
		return 0, nil
	}
	fence := l.Fence + 1
	return fence, leases.Patch(ctx, ctx.DB, l.ID, value.Object{"owner": a.Owner, "until": until, "fence": fence})
}

// renew prolongs a lease and returns the runs of the project that somebody
// asked to stop: on another node that is how a worker learns of it.
func (s *Service) renew(ctx *function.MutationCtx, a fenced) ([]RunID, error) {
	l, err := a.check(ctx)
	if err != nil {
		return nil, err
	}
	until := millis(ctx.Now()) + float64(s.Limits.Lease.Milliseconds())
	if err := leases.Patch(ctx, ctx.DB, l.ID, value.Object{"until": until}); err != nil {
		return nil, err
	}
	stops := []RunID{}
	runs, err := openRuns(ctx, a.ProjectID)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if r.StopRequestedAt > 0 {
			stops = append(stops, r.ID)
		}
	}
	return stops, nil
}

// openRuns returns the runs of a project that have not ended.
func openRuns(ctx *function.MutationCtx, id projects.ID) ([]Run, error) {
	var all []Run
	for _, status := range open {
		runs, err := Runs.Query(ctx.DB, "by_status", status, id).All(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, runs...)
	}
	return all, nil
}

// Busy tells whether a project has runs that have not ended.
func Busy(ctx *function.MutationCtx, id projects.ID) (bool, error) {
	runs, err := openRuns(ctx, id)
	return len(runs) > 0, err
}

// release gives a lease back early. A lease that is gone already is fine.
func release(ctx *function.MutationCtx, a fenced) (any, error) {
	l, err := a.check(ctx)
	if errors.Is(err, errFenced) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, leases.Patch(ctx, ctx.DB, l.ID, value.Object{"until": 0.0})
}

// next returns the run to work on: one that was begun, else the oldest that
// waits. When there is none the lease ends in the same transaction, so a
// prompt that comes now finds either this worker or a free project.
func next(ctx *function.MutationCtx, a fenced) (*RunID, error) {
	l, err := a.check(ctx)
	if err != nil {
		return nil, err
	}
	for _, status := range []Status{Running, Waiting, Queued} {
		r, err := Runs.Query(ctx.DB, "by_status", status, a.ProjectID).First(ctx)
		if err != nil {
			return nil, err
		}
		if r != nil {
			return &r.ID, nil
		}
	}
	return nil, leases.Patch(ctx, ctx.DB, l.ID, value.Object{"until": 0.0})
}

// orphans returns the projects that have open runs but no live lease.
func (s *Service) orphans(ctx *function.QueryCtx, _ struct{}) ([]projects.ID, error) {
	busy, err := busyProjects(ctx, ctx.DB)
	if err != nil {
		return nil, err
	}
	now := millis(ctx.Now())
	lost := []projects.ID{}
	for _, id := range busy {
		l, err := leaseOf(ctx, ctx.DB, id)
		if err != nil {
			return nil, err
		}
		if l == nil || l.Until <= now {
			lost = append(lost, id)
		}
	}
	return lost, nil
}

func busyProjects(ctx context.Context, r store.Reader) ([]projects.ID, error) {
	ids, seen := []projects.ID{}, map[projects.ID]bool{}
	for _, status := range open {
		runs, err := Runs.Query(r, "by_status", status).All(ctx)
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			if !seen[run.ProjectID] {
				seen[run.ProjectID] = true
				ids = append(ids, run.ProjectID)
			}
		}
	}
	return ids, nil
}

type adoptArgs struct {
	Owner string `json:"owner"`
	// Projects to send workers to; none means all that have open runs, whose
	// leases are those of an earlier process and end now.
	Projects []string `json:"projects,omitempty"`
}

// adopt sends workers to projects whose runs have none.
func (s *Service) adopt(ctx *function.MutationCtx, a adoptArgs) (any, error) {
	ids := []projects.ID{}
	for _, id := range a.Projects {
		ids = append(ids, projects.ID(id))
	}
	if a.Projects == nil {
		var err error
		if ids, err = busyProjects(ctx, ctx.DB); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		l, err := leaseOf(ctx, ctx.DB, id)
		if err != nil {
			return nil, err
		}
		if a.Projects == nil && l != nil && l.Owner != a.Owner {
			if err := leases.Patch(ctx, ctx.DB, l.ID, value.Object{"until": 0.0}); err != nil {
				return nil, err
			}
		}
		if err := sendWorker(ctx, id); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func sendWorker(ctx *function.MutationCtx, id projects.ID) error {
	_, err := ctx.Scheduler.RunAfter(ctx, 0, "agent:work", projectArgs{id})
	return err
}
