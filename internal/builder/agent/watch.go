package agent

import (
	"context"
	"sync"
	"time"
)

// System is the runtime as the agent's watch over its runs sees it.
type System interface {
	RunQuery(ctx context.Context, name string, args, out any) error
	RunMutation(ctx context.Context, name string, args, out any) error
}

// Run takes up the runs that an earlier process left, and then, until ctx is
// done, keeps this process's leases and watches that each open run has a
// worker. One process works on a database, so the leases of others are of the
// dead and are taken over at once.
func (s *Service) Run(ctx context.Context, sys System) error {
	if err := s.repos.sweep(); err != nil {
		return err
	}
	if err := sys.RunMutation(ctx, "agent:inherit", ownerArgs{s.owner}, nil); err != nil {
		return err
	}
	last := s.Now()
	s.look(ctx, sys)
	tick := time.NewTicker(s.Limits.Lease * 3 / 10)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		switch err := sys.RunMutation(ctx, "agent:beat", ownerArgs{s.owner}, nil); {
		case err == nil:
			last = s.Now()
		case s.Now().Sub(last) > s.Limits.Lease:
			s.Logger.ErrorContext(ctx, "keep leases", "error", err)
			s.workers.endAll(errLost)
		}
		s.look(ctx, sys)
	}
}

// look sends workers to runs that have none, and ends those here that somebody
// asked to stop.
func (s *Service) look(ctx context.Context, sys System) {
	var found seen
	err := sys.RunQuery(ctx, "agent:watch", struct{}{}, &found)
	if err == nil && len(found.Lost) > 0 {
		err = sys.RunMutation(ctx, "agent:adopt", adoptArgs{found.Lost}, nil)
	}
	if err != nil && ctx.Err() == nil {
		// The next look comes soon; a run late by seconds is not lost.
		s.Logger.WarnContext(ctx, "look for runs without a worker", "error", err)
	}
	for _, id := range found.Stops {
		s.runs.end(id, errStopped)
	}
}

// ends are the ways to end what works in this process, by the id of what it
// works on. The zero value is ready.
type ends[ID comparable] struct {
	mu    sync.Mutex
	known map[ID]*context.CancelCauseFunc
}

// add returns how to take it out again.
func (e *ends[ID]) add(id ID, cancel context.CancelCauseFunc) (remove func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known == nil {
		e.known = map[ID]*context.CancelCauseFunc{}
	}
	e.known[id] = &cancel
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.known[id] == &cancel { // not one that came after it
			delete(e.known, id)
		}
	}
}

// end ends what works on id, if that is here.
func (e *ends[ID]) end(id ID, cause error) {
	e.mu.Lock()
	cancel := e.known[id]
	e.mu.Unlock()
	if cancel != nil {
		(*cancel)(cause)
	}
}

func (e *ends[ID]) endAll(cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, cancel := range e.known {
		(*cancel)(cause)
	}
}
