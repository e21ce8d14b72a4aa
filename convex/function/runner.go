package function

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
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
}

// Lookup checks that a call may run: that the function exists and is visible,
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

// Query runs a query on a snapshot. journal is that of an earlier run of the
// same query, or nil.
func (r *Runner) Query(ctx context.Context, snap store.Snapshot, streams stream.View, c Call, journal []string) QueryResult {
	c.identify()
	reads := store.NewReadSet()
	j := &store.Journal{Ends: slices.Clone(journal)}
	v, err := r.query(ctx, snap, streams, c, reads, j)
	out := QueryResult{Result: r.result(ctx, c, v, err), Reads: reads.Keys()}
	out.Timestamp = snap.Timestamp()
	if err == nil {
		out.Journal = j.Ends
	}
	return out
}

func (r *Runner) query(ctx context.Context, snap store.Snapshot, streams stream.View, c Call, reads *store.ReadSet, j *store.Journal) (v value.Value, err error) {
	f, args, err := r.lookup(KindQuery, c)
	if err != nil {
		return nil, err
	}
	db := store.NewReader(r.store, snap, reads, j)
	base, err := r.start(ctx, &c, db)
	if err != nil {
		return nil, err
	}
	qc := &QueryCtx{Context: ctx, run: base, DB: db, streams: streams, reads: reads}
	return guard(func() (value.Value, error) { return f.query(qc, args) })
}

// QueryNow runs a query on a snapshot of the newest commit.
func (r *Runner) QueryNow(ctx context.Context, c Call) QueryResult {
	c.identify()
	var out QueryResult
	err := r.pinned(ctx, func(snap store.Snapshot, streams stream.View) error {
		out = r.Query(ctx, snap, streams, c, nil)
		return nil
	})
	if err != nil {
		out.Result = r.result(ctx, c, nil, err)
	}
	return out
}

// pinned runs fn with the newest snapshot and the streams that belong to it.
func (r *Runner) pinned(ctx context.Context, fn func(store.Snapshot, stream.View) error) error {
	var streams stream.View
	snaps, release, err := r.store.Pin(ctx, 1, func() { streams = r.hub.View() })
	if err != nil {
		return err
	}
	defer release()
	return fn(snaps[0], streams)
}

// MutationOptions are what the caller of a mutation adds to its transaction.
type MutationOptions struct {
	// Request makes the mutation idempotent: a repeat of a request that
	// succeeded returns the first result and timestamp and runs nothing.
	Request *store.Request
	// Within runs at the end of the transaction, before the commit.
	Within func(context.Context, store.Transaction) error
	// AtCommit runs at the moment of the commit; see store.Transaction.
	AtCommit func(store.Timestamp)
}

// Mutation runs a mutation and commits it.
func (r *Runner) Mutation(ctx context.Context, c Call, o MutationOptions) Result {
	c.identify()
	var encoded []byte
	var after []func()
	var repeated *store.Record
	_, ts, err := r.mutation(ctx, c, o, func(m *MutationCtx, tx store.Transaction, v value.Value) error {
		after = m.afterCommit
		// Before the commit: a result that no client could read undoes it.
		var err error
		if encoded, err = value.Encode(v); err != nil {
			return fmt.Errorf("encode result: %w", err)
		}
		if o.Request == nil {
			return nil
		}
		return tx.Record(ctx, *o.Request, encoded)
	}, &repeated)
	if repeated != nil {
		return Result{Value: repeated.Result, Timestamp: repeated.Timestamp}
	}
	if err != nil {
		return r.result(ctx, c, nil, err)
	}
	for _, fn := range after {
		fn()
	}
	return Result{Value: encoded, Timestamp: ts}
}

type inMutation struct{}

// mutation is the transaction of one mutation. finish runs in it after the
// function and before the commit.
func (r *Runner) mutation(ctx context.Context, c Call, o MutationOptions, finish func(*MutationCtx, store.Transaction, value.Value) error, repeated **store.Record) (value.Value, store.Timestamp, error) {
	if ctx.Value(inMutation{}) != nil {
		return nil, 0, fmt.Errorf("run %s: a mutation cannot run inside another", c.Path)
	}
	f, args, err := r.lookup(KindMutation, c)
	if err != nil {
		return nil, 0, err
	}
	ctx = context.WithValue(ctx, inMutation{}, true)
	var out value.Value
	ts, err := r.store.Update(ctx, func(tx store.Transaction) error {
		if o.Request != nil {
			rec, err := tx.Recorded(ctx, *o.Request)
			if err != nil {
				return fmt.Errorf("look up request: %w", err)
			}
			if *repeated = rec; rec != nil {
				return nil
			}
		}
		db := store.NewWriter(r.store, tx)
		base, err := r.start(ctx, &c, db)
		if err != nil {
			return err
		}
		m := &MutationCtx{
			Context: ctx, run: base, DB: db, hub: r.hub, tx: tx,
			Scheduler: Scheduler{runner: r, tx: tx, clock: base.clock},
		}
		// A retried transaction starts from the same arguments.
		out, err = guard(func() (value.Value, error) { return f.mutation(m, value.Clone(args).(value.Object)) })
		if err != nil {
			return err
		}
		if err := finish(m, tx, out); err != nil {
			return err
		}
		if o.Within != nil {
			if err := o.Within(ctx, tx); err != nil {
				return err
			}
		}
		if o.AtCommit != nil {
			tx.AtCommit(o.AtCommit)
		}
		return nil
	})
	return out, ts, err
}

// Action runs an action.
func (r *Runner) Action(ctx context.Context, c Call) Result {
	c.identify()
	v, err := r.action(ctx, c)
	return r.result(ctx, c, v, err)
}

func (r *Runner) action(ctx context.Context, c Call) (value.Value, error) {
	f, args, err := r.lookup(KindAction, c)
	if err != nil {
		return nil, err
	}
	if ctx.Value(inMutation{}) != nil {
		return nil, fmt.Errorf("run %s: an action cannot run inside a mutation", c.Path)
	}
	var base run
	err = r.store.View(ctx, func(snap store.Snapshot) error {
		base, err = r.start(ctx, &c, store.NewReader(r.store, snap, nil, nil))
		return err
	})
	if err != nil {
		return nil, err
	}
	base.clock = r.now // an action may take long
	ac := &ActionCtx{Context: ctx, run: base, runner: r, Scheduler: Scheduler{runner: r, clock: r.now}}
	return guard(func() (value.Value, error) { return f.action(ac, args) })
}

// Invoke runs a function for the program itself: internal ones may be called,
// args is any Go value that gives an object (nil for none), and the result is
// stored in out, a pointer or nil. The error is the function's own.
func (r *Runner) Invoke(ctx context.Context, kind Kind, id *Identity, name string, args, out any) error {
	p, err := ParsePath(name)
	if err != nil {
		return err
	}
	raw, err := argsObject(args)
	if err != nil {
		return fmt.Errorf("call %s: %w", name, err)
	}
	c := Call{Path: p, Args: raw, Identity: id, Internal: true}
	c.identify()
	var v value.Value
	switch kind {
	case KindQuery:
		err = r.pinned(ctx, func(snap store.Snapshot, streams stream.View) error {
			v, err = r.query(ctx, snap, streams, c, store.NewReadSet(), nil)
			return err
		})
	case KindMutation:
		v, err = r.invokeMutation(ctx, c)
	default:
		v, err = r.action(ctx, c)
	}
	if err != nil {
		return r.known(err)
	}
	if out == nil {
		return nil
	}
	if err := value.ToGo(v, out); err != nil {
		return fmt.Errorf("decode result of %s: %w", name, err)
	}
	return nil
}

func (r *Runner) invokeMutation(ctx context.Context, c Call) (value.Value, error) {
	var after []func()
	v, _, err := r.mutation(ctx, c, MutationOptions{}, func(m *MutationCtx, _ store.Transaction, _ value.Value) error {
		after = m.afterCommit
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	for _, fn := range after {
		fn()
	}
	return v, nil
}

func argsObject(args any) (value.Value, error) {
	if args == nil {
		return value.Object{}, nil
	}
	v, err := value.FromGo(args)
	if err != nil {
		return nil, fmt.Errorf("encode arguments: %w", err)
	}
	return v, nil
}

func (r *Runner) enqueue(ctx context.Context, tx store.Transaction, at time.Time, name string, args any) (string, error) {
	if r.jobs == nil {
		return "", fmt.Errorf("schedule %s: no jobs are configured", name)
	}
	p, err := ParsePath(name)
	if err != nil {
		return "", err
	}
	f, ok := r.registry.Lookup(p)
	if !ok || f.Kind == KindQuery {
		return "", fmt.Errorf("schedule %s: no such mutation or action", name)
	}
	raw, err := argsObject(args)
	if err != nil {
		return "", fmt.Errorf("schedule %s: %w", name, err)
	}
	checked, err := r.checkArgs(f, raw)
	if err != nil {
		return "", fmt.Errorf("schedule %s: %w", name, err)
	}
	j := Job{Function: f, Args: checked, RunAt: at}
	if tx != nil {
		return r.jobs.Enqueue(ctx, tx, j)
	}
	var id string
	_, err = r.store.Update(ctx, func(tx store.Transaction) error {
		id, err = r.jobs.Enqueue(ctx, tx, j)
		return err
	})
	return id, err
}

// guard turns a panic of the program's code into an error with its stack.
func guard(fn func() (value.Value, error)) (v value.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return fn()
}

// known gives err the form that clients may see, where there is one.
func (r *Runner) known(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	var de *store.DocumentError
	if errors.As(err, &de) {
		return &Error{Code: "invalid", Message: de.Text, system: true, cause: err}
	}
	if errors.Is(err, store.ErrBadCursor) {
		return &Error{Code: "invalid", Message: store.ErrBadCursor.Error(), system: true, cause: err}
	}
	if r.convert != nil {
		if e := r.convert(err); e != nil {
			if e.cause == nil {
				e.cause = err
			}
			return e
		}
	}
	return err
}

// result encodes the outcome of a run for a client and logs what it hides.
func (r *Runner) result(ctx context.Context, c Call, v value.Value, err error) Result {
	if err == nil {
		var encoded []byte
		if encoded, err = value.Encode(v); err == nil {
			return Result{Value: encoded}
		}
		err = fmt.Errorf("encode result: %w", err)
	}
	known := r.known(err)
	f := failure(known, c.RequestID)
	if !errors.Is(ctx.Err(), context.Canceled) {
		r.logger.Log(ctx, severity(f.Code), "function failed", "function", c.Path.String(), "request", c.RequestID, "code", f.Code, "error", known)
	}
	return Result{Failure: f}
}

// severity is how much an operator cares: about what clients are not told, and
// about parts that are missing. The rest is the clients' own doing.
func severity(code string) slog.Level {
	switch code {
	case "internal":
		return slog.LevelError
	case "unavailable":
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
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
