package function

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/value"
)

// Query runs a query on a snapshot. journal is that of an earlier run of the
// same query, or nil.
func (r *Runner) Query(ctx context.Context, snap store.Snapshot, streams stream.View, c Call, journal []string) QueryResult {
	c.identify()
	reads := store.NewReadSet()
	j := &store.Journal{Ends: slices.Clone(journal)}
	watched := &watchedSnapshot{Snapshot: snap}
	v, err := r.query(ctx, watched, streams, c, reads, j)
	out := QueryResult{
		Result: r.result(ctx, c, v, err), Reads: reads.Keys(),
		Passing: err != nil && (watched.failed || ctx.Err() != nil),
	}
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

// watchedSnapshot notes whether a read failed, as a function may hide that
// behind an error of its own.
type watchedSnapshot struct {
	store.Snapshot
	failed bool
}

func (s *watchedSnapshot) Get(ctx context.Context, table, id string) (value.Object, error) {
	doc, err := s.Snapshot.Get(ctx, table, id)
	s.failed = s.failed || err != nil
	return doc, err
}

func (s *watchedSnapshot) Scan(ctx context.Context, sc store.Scan) ([]value.Object, error) {
	docs, err := s.Snapshot.Scan(ctx, sc)
	s.failed = s.failed || err != nil
	return docs, err
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
		out.Result, out.Passing = r.result(ctx, c, nil, err), true
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

	encode bool // the result, before the commit: one that no client could read undoes it
}

// Mutation runs a mutation and commits it.
func (r *Runner) Mutation(ctx context.Context, c Call, o MutationOptions) Result {
	c.identify()
	o.encode = true
	done, err := r.mutation(ctx, c, o)
	switch {
	case err != nil:
		return r.result(ctx, c, nil, err)
	case done.repeated != nil:
		return Result{Value: done.repeated.Result, Timestamp: done.repeated.Timestamp}
	}
	return Result{Value: done.encoded, Timestamp: done.at}
}

// committed is what a mutation's transaction gave.
type committed struct {
	value    value.Value
	encoded  []byte
	at       store.Timestamp
	after    []func()
	repeated *store.Record // of the same request, which ran before; nothing else is set then
}

type inMutation struct{}

// mutation runs a mutation, from its transaction to what follows the commit.
func (r *Runner) mutation(ctx context.Context, c Call, o MutationOptions) (committed, error) {
	if ctx.Value(inMutation{}) != nil {
		return committed{}, fmt.Errorf("run %s: a mutation cannot run inside another", c.Path)
	}
	f, args, err := r.lookup(KindMutation, c)
	if err != nil {
		return committed{}, err
	}
	inside := context.WithValue(ctx, inMutation{}, true)
	var done committed
	ts, err := r.store.Update(inside, func(tx store.Transaction) error {
		done, err = r.transact(inside, tx, c, o, func(m *MutationCtx) (value.Value, error) {
			// A transaction that is tried again starts from the same arguments.
			return f.mutation(m, value.Clone(args).(value.Object))
		})
		return err
	})
	if err != nil {
		return committed{}, err
	}
	done.at = ts
	for _, fn := range done.after {
		fn()
	}
	return done, nil
}

// transact is what a mutation does within its transaction.
func (r *Runner) transact(ctx context.Context, tx store.Transaction, c Call, o MutationOptions, fn func(*MutationCtx) (value.Value, error)) (committed, error) {
	if o.Request != nil {
		rec, err := tx.Recorded(ctx, *o.Request)
		if err != nil {
			return committed{}, fmt.Errorf("look up request: %w", err)
		}
		if rec != nil {
			return committed{repeated: rec}, nil
		}
	}
	db := store.NewWriter(r.store, tx)
	base, err := r.start(ctx, &c, db)
	if err != nil {
		return committed{}, err
	}
	m := &MutationCtx{
		Context: ctx, run: base, DB: db, hub: r.hub, tx: tx,
		Scheduler: Scheduler{runner: r, tx: tx, clock: base.clock},
	}
	var done committed
	if done.value, err = guard(func() (value.Value, error) { return fn(m) }); err != nil {
		return committed{}, err
	}
	done.after = m.afterCommit
	if o.encode {
		if done.encoded, err = encode(c, done.value); err != nil {
			return committed{}, err
		}
	}
	if o.Request != nil {
		if err := tx.Record(ctx, *o.Request, done.encoded); err != nil {
			return committed{}, fmt.Errorf("record request: %w", err)
		}
	}
	if o.Within != nil {
		if err := o.Within(ctx, tx); err != nil {
			return committed{}, err
		}
	}
	if o.AtCommit != nil {
		tx.AtCommit(o.AtCommit)
	}
	return done, nil
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

// guard turns a panic of the program's code into an error with its stack.
func guard(fn func() (value.Value, error)) (v value.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return fn()
}
