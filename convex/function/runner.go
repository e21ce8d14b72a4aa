package function

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/value"
)

// MaxArgsSize is the largest size of arguments and of results.
const MaxArgsSize = 16 << 20

// Config is what a Runner needs.
type Config struct {
	Registry *Registry
	Store    store.Store
	// Streams may be nil when no function uses streams.
	Streams *stream.Hub
	// Jobs may be nil when no function schedules.
	Jobs Jobs
	// SessionAlive says whether a caller's session still exists; its reads
	// become reads of the function. nil means that sessions are not checked.
	SessionAlive func(ctx context.Context, r store.Reader, id *Identity) (bool, error)
	// ConvertError turns an error of the program into one that clients may
	// see, or returns nil. nil converts nothing.
	ConvertError func(error) *Error
	Logger       *slog.Logger
	Now          func() time.Time
}

// Runner runs calls. It is safe for concurrent use.
type Runner struct {
	registry *Registry
	store    store.Store
	hub      *stream.Hub
	jobs     Jobs
	alive    func(context.Context, store.Reader, *Identity) (bool, error)
	convert  func(error) *Error
	logger   *slog.Logger
	now      func() time.Time
}

// New returns a runner.
func New(c Config) (*Runner, error) {
	if c.Registry == nil || c.Store == nil {
		return nil, errors.New("function runner needs a registry and a store")
	}
	r := &Runner{
		registry: c.Registry, store: c.Store, hub: c.Streams, jobs: c.Jobs,
		alive: c.SessionAlive, convert: c.ConvertError, logger: c.Logger, now: c.Now,
	}
	if r.hub == nil {
		r.hub = stream.New()
	}
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	if r.now == nil {
		r.now = time.Now
	}
	return r, nil
}

// SetJobs sets where scheduled functions go, before the first call: the jobs
// need the runner and the runner needs the jobs.
func (r *Runner) SetJobs(j Jobs) { r.jobs = j }

// Call is one call of a function by a client, a job or another function.
type Call struct {
	Path Path
	// Args must be an object. An error stands for arguments that could not be
	// decoded; it and anything else is refused in the function's name.
	Args     value.Value
	Identity *Identity
	// Address is where the call came from, for what is limited per address; ""
	// for calls of the program itself.
	Address string
	// Internal lets the call reach internal functions.
	Internal bool
	// RequestID appears in error texts and the log; "" makes a random one.
	RequestID string
}

// Result is what came out of a run: an encoded value, or a failure.
type Result struct {
	Value   []byte
	Failure *Failure
	// Timestamp is a mutation's commit, or a query's snapshot.
	Timestamp store.Timestamp
}

// QueryResult is a Result with what a live query needs.
type QueryResult struct {
	Result
	Reads []store.Key
	// Journal goes into the next run of the same query; nil when it has none.
	Journal []string
	// Passing is set when Failure is not the function's own answer: the store
	// could not be read, or the context ended. The same run may succeed later
	// although nothing was written.
	Passing bool
}

// lookup checks that a call may run: that the function exists and is visible,
// its kind, and its arguments, in this order.
func (r *Runner) lookup(kind Kind, c Call) (*Function, value.Object, error) {
	f, ok := r.registry.Lookup(c.Path)
	if !ok || f.Internal && !c.Internal {
		return nil, nil, systemErrorf("not_found", "Could not find public function for '%s'.", c.Path.short())
	}
	if f.Kind != kind {
		return nil, nil, systemErrorf("invalid", "Trying to execute %s as %s, but it is defined as %s.", c.Path.source(), kind, f.Kind)
	}
	args, err := r.checkArgs(f, c.Args)
	return f, args, err
}

func (r *Runner) checkArgs(f *Function, raw value.Value) (value.Object, error) {
	if bad, ok := raw.(error); ok {
		return nil, systemErrorf("invalid", "Invalid arguments for %s: %s", f.Path.source(), bad)
	}
	args, ok := raw.(value.Object)
	if !ok {
		return nil, systemErrorf("invalid", "Invalid arguments for %s: arguments must be one object", f.Path.source())
	}
	if size := value.Size(args); size > MaxArgsSize {
		return nil, systemErrorf("invalid", "Arguments for %s are too large (actual: %d, limit: %d)", f.Path.source(), size, MaxArgsSize)
	}
	if err := f.Args.Check(args, r.store); err != nil {
		return nil, systemErrorf("invalid", "ArgumentValidationError: %s", err)
	}
	return args, nil
}

// start makes what the contexts of a run share. reader serves the check of the
// session.
func (r *Runner) start(ctx context.Context, c *Call, reader store.Reader) (run, error) {
	began := r.now()
	out := run{
		identity: c.Identity, address: c.Address,
		clock:  func() time.Time { return began },
		logger: r.logger.With("function", c.Path.String(), "request", c.RequestID),
	}
	if c.Identity == nil || r.alive == nil {
		return out, nil
	}
	ok, err := r.alive(ctx, reader, c.Identity)
	if err != nil {
		return out, fmt.Errorf("check session: %w", err)
	}
	if !ok {
		out.identity = nil
	}
	return out, nil
}

// identify gives the call a random request id when it has none.
func (c *Call) identify() {
	if c.RequestID != "" {
		return
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	c.RequestID = hex.EncodeToString(b[:])
}
