package function

import (
	"context"
	"log/slog"
	"time"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/value"
)

// Caller is what every function's context offers: for helpers that need the
// caller's identity and serve queries, mutations and actions alike.
type Caller interface {
	context.Context
	Identity() *Identity
	Now() time.Time
}

// run is what the contexts of one run share.
type run struct {
	identity *Identity
	address  string
	clock    func() time.Time
	logger   *slog.Logger
}

// Identity returns who calls, nil for an anonymous caller. A caller whose
// session was deleted is anonymous.
func (r *run) Identity() *Identity { return r.identity }

// Now returns the time. In a query or mutation it stands still: it is when the
// run began.
func (r *run) Now() time.Time { return r.clock() }

// Logger returns a logger that names the function and the request.
func (r *run) Logger() *slog.Logger { return r.logger }

// QueryCtx is the context of a query.
type QueryCtx struct {
	context.Context
	run

	// DB reads the query's snapshot.
	DB store.Reader

	streams stream.View
	reads   *store.ReadSet
}

// Stream returns the value of a stream in the query's snapshot, nil when it has
// none. A live query runs again when the stream changes.
func (c *QueryCtx) Stream(key string) any {
	c.reads.Add(store.StreamKey(key))
	return c.streams.Get(key)
}

// MutationCtx is the context of a mutation.
type MutationCtx struct {
	context.Context
	run

	// DB reads and writes in the mutation's transaction.
	DB store.Writer
	// Scheduler schedules functions; they exist when the mutation commits.
	Scheduler Scheduler

	hub         *stream.Hub
	tx          store.Transaction
	afterCommit []func()
}

// ClearStream clears a stream at the moment of the commit: a live query sees
// the stream or what the mutation wrote, never both and never neither.
func (c *MutationCtx) ClearStream(key string) {
	c.tx.AtCommit(func(store.Timestamp) { c.hub.Clear(key) })
}

// AfterCommit registers fn to run once the mutation is committed. It is lost
// when the process dies first; what must not be lost is scheduled.
func (c *MutationCtx) AfterCommit(fn func()) { c.afterCommit = append(c.afterCommit, fn) }

// ActionCtx is the context of an action.
type ActionCtx struct {
	context.Context
	run

	// Scheduler schedules functions at once.
	Scheduler Scheduler

	runner *Runner
}

// Address returns where the call came from, as text to count by: an IPv4
// address or the network of an IPv6 address, "" for a call by the program
// itself. Queries do not have it, as callers share their results.
func (c *ActionCtx) Address() string { return c.address }

// RunQuery runs a query, internal ones too, and stores its result in out, a
// pointer or nil.
func (c *ActionCtx) RunQuery(name string, args, out any) error {
	return c.runner.Invoke(c, KindQuery, c.identity, name, args, out)
}

// RunMutation runs a mutation; see RunQuery. It is committed when RunMutation
// returns.
func (c *ActionCtx) RunMutation(name string, args, out any) error {
	return c.runner.Invoke(c, KindMutation, c.identity, name, args, out)
}

// RunAction runs an action; see RunQuery.
func (c *ActionCtx) RunAction(name string, args, out any) error {
	return c.runner.Invoke(c, KindAction, c.identity, name, args, out)
}

// Job is one call of a function at a later time.
type Job struct {
	Function *Function
	Args     value.Object
	// RunAt is the earliest time, zero for at once.
	RunAt time.Time
}

// Jobs is where scheduled functions are kept. Package job implements it.
type Jobs interface {
	// Enqueue adds a job in a transaction and returns its id.
	Enqueue(ctx context.Context, tx store.Transaction, j Job) (string, error)
}

// Scheduler schedules functions: mutations run exactly once, actions at least
// once, all without an identity.
type Scheduler struct {
	runner *Runner
	tx     store.Transaction // nil outside a mutation
	clock  func() time.Time
}

// RunAfter schedules a function to run after d, or at once when d is 0, and
// returns the job's id.
func (s Scheduler) RunAfter(ctx context.Context, d time.Duration, name string, args any) (string, error) {
	var at time.Time
	if d > 0 {
		at = s.clock().Add(d)
	}
	return s.schedule(ctx, at, name, args)
}

// RunAt schedules a function to run at a time.
func (s Scheduler) RunAt(ctx context.Context, at time.Time, name string, args any) (string, error) {
	return s.schedule(ctx, at, name, args)
}

func (s Scheduler) schedule(ctx context.Context, at time.Time, name string, args any) (string, error) {
	return s.runner.enqueue(ctx, s.tx, at, name, args)
}
