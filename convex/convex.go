package convex

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
)

// Config says what a Runtime serves.
type Config struct {
	// Registry holds the functions; complete it before New.
	Registry *function.Registry
	// Store is open and stays the caller's to close, after Run has returned.
	Store store.Store
	// ConvertError turns an error of the program into one that clients may
	// see, or returns nil to hide it. nil hides every error but
	// *function.Error.
	ConvertError func(error) *function.Error
	// Streams is the hub to use, for programs whose functions write streams;
	// nil makes one.
	Streams *stream.Hub
	Logger  *slog.Logger
	// Now is the clock, nil for the real one.
	Now func() time.Time
}

// Runtime runs functions over a store and serves them to clients.
type Runtime struct {
	runner  *function.Runner
	streams *stream.Hub
	logger  *slog.Logger
}

// New returns a runtime that is ready to run functions. Clients and jobs are
// served while Run runs.
func New(c Config) (*Runtime, error) {
	if c.Registry == nil || c.Store == nil {
		return nil, errors.New("new runtime: a registry and a store are needed")
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
	rt := &Runtime{streams: c.Streams, logger: c.Logger}
	var err error
	rt.runner, err = function.New(function.Config{
		Registry: c.Registry, Store: c.Store, Streams: rt.streams,
		ConvertError: c.ConvertError, Logger: c.Logger, Now: c.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("new runtime: %w", err)
	}
	return rt, nil
}

// Streams returns the hub of values that are still being written.
func (rt *Runtime) Streams() *stream.Hub { return rt.streams }

// Caller calls functions from Go code of the same process, internal ones too.
type Caller struct {
	runner   *function.Runner
	identity *function.Identity
}

// As returns a caller with an identity, nil for none.
func (rt *Runtime) As(id *function.Identity) Caller { return Caller{rt.runner, id} }

// RunQuery runs a query without an identity; see Caller.
func (rt *Runtime) RunQuery(ctx context.Context, name string, args, out any) error {
	return rt.As(nil).RunQuery(ctx, name, args, out)
}

// RunMutation runs a mutation without an identity; see Caller.
func (rt *Runtime) RunMutation(ctx context.Context, name string, args, out any) error {
	return rt.As(nil).RunMutation(ctx, name, args, out)
}

// RunAction runs an action without an identity; see Caller.
func (rt *Runtime) RunAction(ctx context.Context, name string, args, out any) error {
	return rt.As(nil).RunAction(ctx, name, args, out)
}

// RunQuery runs a query. args is a struct or map of arguments, nil for none;
// the result is stored in out, a pointer or nil. The error is the function's.
func (c Caller) RunQuery(ctx context.Context, name string, args, out any) error {
	return c.runner.Invoke(ctx, function.KindQuery, c.identity, name, args, out)
}

// RunMutation runs a mutation, which is committed when it returns.
func (c Caller) RunMutation(ctx context.Context, name string, args, out any) error {
	return c.runner.Invoke(ctx, function.KindMutation, c.identity, name, args, out)
}

// RunAction runs an action.
func (c Caller) RunAction(ctx context.Context, name string, args, out any) error {
	return c.runner.Invoke(ctx, function.KindAction, c.identity, name, args, out)
}
