package function

import (
	"context"
	"fmt"
	"time"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/value"
)

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
		var done committed
		done, err = r.mutation(ctx, c, MutationOptions{})
		v = done.value
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
