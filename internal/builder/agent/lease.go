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
	l, err := leaseOf(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return 0, err
	}
	held, err := living{}.holds(ctx, ctx.DB, l, millis(ctx.Now()))
	if err != nil || held {
		return 0, err
	}
	if err := s.alive(ctx, a.Owner); err != nil {
		return 0, err
	}
	if l == nil {
		_, err := leases.Insert(ctx, ctx.DB, Lease{ProjectID: a.ProjectID, Owner: a.Owner, Fence: 1})
		return 1, err
	}
	return l.Fence + 1, leases.Patch(ctx, ctx.DB, l.ID, value.Object{"owner": a.Owner, "fence": l.Fence + 1})
}

// living remembers which servers it found alive.
type living map[string]bool

// holds tells whether a lease is held by somebody alive; nil is held by nobody.
func (known living) holds(ctx context.Context, r store.Reader, l *Lease, now float64) (bool, error) {
	if l == nil || l.Owner == "" {
		return false, nil
	}
	if alive, ok := known[l.Owner]; ok {
		return alive, nil
	}
	server, err := servers.Query(r, "by_owner", l.Owner).First(ctx)
	if err != nil {
		return false, err
	}
	known[l.Owner] = server != nil && server.Until > now
	return known[l.Owner], nil
}

type ownerArgs struct {
	Owner string `json:"owner"`
}

// beat says that a server lives, and so keeps all of its leases.
func (s *Service) beat(ctx *function.MutationCtx, a ownerArgs) (any, error) {
	return nil, s.alive(ctx, a.Owner)
}

func (s *Service) alive(ctx *function.MutationCtx, owner string) error {
	until := millis(ctx.Now()) + float64(s.Limits.Lease.Milliseconds())
	server, err := servers.Query(ctx.DB, "by_owner", owner).First(ctx)
	if err != nil {
		return err
	}
	if server == nil {
		_, err = servers.Insert(ctx, ctx.DB, Server{Owner: owner, Until: until})
		return err
	}
	return servers.Patch(ctx, ctx.DB, server.ID, value.Object{"until": until})
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
	return nil, l.giveBack(ctx)
}

func (l *Lease) giveBack(ctx *function.MutationCtx) error {
	return leases.Patch(ctx, ctx.DB, l.ID, value.Object{"owner": ""})
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
	return nil, l.giveBack(ctx)
}

// seen is what a look at all open runs finds.
type seen struct {
	Lost  []projects.ID `json:"lost"`  // projects whose runs nobody works on
	Stops []RunID       `json:"stops"` // runs that somebody asked to stop
}

// watch looks at all open runs. On another node it is how a worker learns of a
// stop.
func watch(ctx *function.QueryCtx, _ struct{}) (seen, error) {
	out := seen{Lost: []projects.ID{}, Stops: []RunID{}}
	now, servers, met := millis(ctx.Now()), living{}, map[projects.ID]bool{}
	for _, status := range open {
		runs, err := Runs.Query(ctx.DB, "by_status", status).All(ctx)
		if err != nil {
			return out, err
		}
		for _, r := range runs {
			if r.StopRequestedAt > 0 {
				out.Stops = append(out.Stops, r.ID)
			}
			if met[r.ProjectID] {
				continue
			}
			met[r.ProjectID] = true
			l, err := leaseOf(ctx, ctx.DB, r.ProjectID)
			if err != nil {
				return out, err
			}
			held, err := servers.holds(ctx, ctx.DB, l, now)
			if err != nil {
				return out, err
			}
			if !held {
				out.Lost = append(out.Lost, r.ProjectID)
			}
		}
	}
	return out, nil
}

// inherit takes over the database from earlier processes: one process works
// on it, so the others are dead and their leases free.
func (s *Service) inherit(ctx *function.MutationCtx, a ownerArgs) (any, error) {
	all, err := servers.Query(ctx.DB, "").All(ctx)
	if err != nil {
		return nil, err
	}
	for _, server := range all {
		if server.Owner == a.Owner {
			continue
		}
		if err := servers.Delete(ctx, ctx.DB, server.ID); err != nil {
			return nil, err
		}
	}
	return nil, s.alive(ctx, a.Owner)
}

type adoptArgs struct {
	Projects []projects.ID `json:"projects"`
}

// adopt sends workers to projects whose runs have none.
func adopt(ctx *function.MutationCtx, a adoptArgs) (any, error) {
	for _, id := range a.Projects {
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
