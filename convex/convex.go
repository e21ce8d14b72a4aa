package convex

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"surgent.dev/surgent/convex/auth"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/job"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/wire"
	"surgent.dev/surgent/convex/wire/api"
	"surgent.dev/surgent/convex/wire/socket"
)

// Config says what a Runtime serves.
type Config struct {
	// Registry holds the functions; complete it before Open, which adds those
	// of Auth.
	Registry *function.Registry
	// Store is open and stays the caller's to close, after Run has returned.
	Store store.Store
	// Auth says how people sign in; nil leaves everybody anonymous. Its clock
	// and logger default to the Runtime's.
	Auth *auth.Config
	// ConvertError turns an error of the program into one that clients may
	// see, or returns nil to hide it. nil hides every error but
	// *function.Error.
	ConvertError func(error) *function.Error
	// Streams is the hub to use, for programs whose functions write streams;
	// nil makes one.
	Streams *stream.Hub
	// PingInterval is how long a connection stays silent at most, 0 for 15 s.
	PingInterval time.Duration
	// Limits bound what callers can take who have not signed in.
	Limits wire.Limits
	// ActionTimeout ends scheduled actions that are not registered as long, 0
	// for 10 minutes.
	ActionTimeout time.Duration
	Logger        *slog.Logger
	// Now is the clock, nil for the real one.
	Now func() time.Time
}

// How long what repeats and late readers need is kept.
const (
	keepChanges  = 10 * time.Minute
	keepRequests = 14 * 24 * time.Hour
	pruneEvery   = time.Minute
)

// Runtime runs functions over a store and serves them to clients.
type Runtime struct {
	store   store.Store
	limits  wire.Limits
	runner  *function.Runner
	streams *stream.Hub
	hub     *live.Hub
	jobs    *job.Jobs
	auth    *auth.Auth // nil when nobody can sign in
	socket  *socket.Handler
	api     *api.Handler
	logger  *slog.Logger
	now     func() time.Time

	// draining is closed by the first Drain; jobs then stop.
	draining  chan struct{}
	drainOnce sync.Once
}

// Open returns a runtime that is ready to run functions. It prepares the
// tables of scheduled functions and, with Auth, the key that signs tokens.
// Clients and jobs are served while Run runs.
func Open(ctx context.Context, c Config) (*Runtime, error) {
	if c.Registry == nil || c.Store == nil {
		return nil, errors.New("open runtime: a registry and a store are needed")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Streams == nil {
		c.Streams = stream.New()
	}
	rt := &Runtime{
		store: c.Store, limits: c.Limits.WithDefaults(c.Auth != nil), streams: c.Streams, logger: c.Logger, now: c.Now,
		draining: make(chan struct{}),
	}
	if err := rt.open(ctx, c); err != nil {
		return nil, fmt.Errorf("open runtime: %w", err)
	}
	return rt, nil
}

// open builds the parts from the ground up.
func (rt *Runtime) open(ctx context.Context, c Config) error {
	var err error
	var alive func(context.Context, store.Reader, *function.Identity) (bool, error)
	var verify func(context.Context, string) (*function.Identity, error)
	if c.Auth != nil {
		if rt.auth, err = openAuth(c); err != nil {
			return err
		}
		alive, verify = rt.auth.SessionAlive, rt.auth.Verify
	}
	rt.runner, err = function.New(function.Config{
		Registry: c.Registry, Store: c.Store, Streams: c.Streams, SessionAlive: alive,
		ConvertError: c.ConvertError, Logger: c.Logger, Now: c.Now,
	})
	if err != nil {
		return err
	}
	rt.jobs, err = job.Open(ctx, job.Config{
		Store: c.Store, Registry: c.Registry, Runner: rt.runner, ActionTimeout: c.ActionTimeout, Logger: c.Logger, Now: c.Now,
	})
	if err != nil {
		return err
	}
	rt.runner.SetJobs(rt.jobs)
	rt.hub, err = live.New(live.Config{Store: c.Store, Streams: c.Streams, Runner: rt.runner, Logger: c.Logger})
	if err != nil {
		return err
	}
	rt.socket, err = socket.New(socket.Config{
		Hub: rt.hub, Runner: rt.runner, Store: c.Store, Verify: verify,
		PingInterval: c.PingInterval, Limits: c.Limits, Logger: c.Logger, Now: c.Now,
	})
	if err != nil {
		return err
	}
	rt.api, err = api.New(api.Config{
		Registry: c.Registry, Runner: rt.runner, Store: c.Store, Streams: c.Streams, Verify: verify, Limits: c.Limits, Logger: c.Logger,
	})
	return err
}

func openAuth(c Config) (*auth.Auth, error) {
	ac := *c.Auth
	if ac.Logger == nil {
		ac.Logger = c.Logger
	}
	if ac.Now == nil {
		ac.Now = c.Now
	}
	a, err := auth.Open(ac)
	if err != nil {
		return nil, err
	}
	a.Register(c.Registry)
	return a, nil
}

// Run keeps live queries up to date and runs scheduled functions. It blocks
// until ctx ends, then drains.
func (rt *Runtime) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	jobs, stopJobs := context.WithCancel(ctx)
	defer stopJobs()
	group.Go(func() error { return rt.hub.Run(ctx) })
	group.Go(func() error { return rt.jobs.Run(jobs) })
	group.Go(func() error { rt.prune(ctx); return nil })
	if rt.auth != nil {
		group.Go(func() error { rt.auth.Run(ctx, rt.runner); return nil })
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			return rt.Drain(stop)
		case <-rt.draining:
			stopJobs()
			return nil
		}
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("run runtime: %w", err)
	}
	return nil
}

// Drain stops the runtime in the way that loses nothing: jobs are handed back,
// mutations that run are finished, and connections are closed so that clients
// come back, to another process or the next start. Requests that come later are
// refused. Cancel Run's context when it has returned.
func (rt *Runtime) Drain(ctx context.Context) error {
	rt.drainOnce.Do(func() { close(rt.draining) })
	doors := new(errgroup.Group) // one that is late cancels its own work only
	doors.Go(func() error { return rt.socket.Drain(ctx) })
	doors.Go(func() error { return rt.api.Drain(ctx) })
	if err := doors.Wait(); err != nil {
		return fmt.Errorf("drain connections: %w", err)
	}
	return nil
}

// prune forgets old changes and requests from time to time.
func (rt *Runtime) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := rt.now()
		err := rt.store.Prune(ctx, store.Timestamp(now.Add(-keepChanges).UnixNano()), store.Timestamp(now.Add(-keepRequests).UnixNano()))
		if err != nil && ctx.Err() == nil {
			rt.logger.WarnContext(ctx, "prune store", "error", err)
		}
	}
}

// Streams returns the hub of values that are still being written.
func (rt *Runtime) Streams() *stream.Hub { return rt.streams }

// Stats says how many clients are connected and what they watch.
func (rt *Runtime) Stats() live.Stats { return rt.hub.Stats() }
