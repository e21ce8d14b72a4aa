package convex

import (
	"context"

	"surgent.dev/surgent/convex/function"
)

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
