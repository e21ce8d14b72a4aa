package function

import (
	"fmt"
	"reflect"
	"slices"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/value"
)

// Kind is what a function is: the text is the one in error messages.
type Kind string

// The kinds.
const (
	KindQuery    Kind = "Query"
	KindMutation Kind = "Mutation"
	KindAction   Kind = "Action"
)

// Function is one registered function.
type Function struct {
	Path     Path
	Kind     Kind
	Internal bool
	// Long lifts the time limit of an action that a job runs.
	Long bool
	Args *schema.Validator

	query    func(*QueryCtx, value.Object) (value.Value, error)
	mutation func(*MutationCtx, value.Object) (value.Value, error)
	action   func(*ActionCtx, value.Object) (value.Value, error)
}

// Registry holds functions by name. Register everything before the first
// call; after that it only reads.
type Registry struct{ functions map[string]*Function }

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{functions: map[string]*Function{}} }

// Names returns the names of all functions, sorted.
func (r *Registry) Names() []string {
	names := make([]string, 0, len(r.functions))
	for n := range r.functions {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Lookup returns a function by name.
func (r *Registry) Lookup(p Path) (*Function, bool) {
	f, ok := r.functions[p.String()]
	return f, ok
}

// Query registers a public query. A is a struct of arguments (struct{} for
// none), R anything that value.FromGo takes; struct{} and nil give null. Bad
// types and names that are taken panic, as they are mistakes of the program.
func Query[A, R any](r *Registry, name string, fn func(ctx *QueryCtx, args A) (R, error)) {
	r.addQuery(name, false, reflect.TypeFor[A](), adapt(fn))
}

// InternalQuery registers a query that clients cannot call.
func InternalQuery[A, R any](r *Registry, name string, fn func(ctx *QueryCtx, args A) (R, error)) {
	r.addQuery(name, true, reflect.TypeFor[A](), adapt(fn))
}

// Mutation registers a public mutation; see Query. fn may run more than once
// when its transaction is retried: effects outside of it belong into
// AfterCommit or a scheduled action.
func Mutation[A, R any](r *Registry, name string, fn func(ctx *MutationCtx, args A) (R, error)) {
	r.addMutation(name, false, reflect.TypeFor[A](), adapt(fn))
}

// InternalMutation registers a mutation that clients cannot call.
func InternalMutation[A, R any](r *Registry, name string, fn func(ctx *MutationCtx, args A) (R, error)) {
	r.addMutation(name, true, reflect.TypeFor[A](), adapt(fn))
}

// Action registers a public action; see Query.
func Action[A, R any](r *Registry, name string, fn func(ctx *ActionCtx, args A) (R, error)) {
	r.addAction(name, false, false, reflect.TypeFor[A](), adapt(fn))
}

// InternalAction registers an action that clients cannot call.
func InternalAction[A, R any](r *Registry, name string, fn func(ctx *ActionCtx, args A) (R, error)) {
	r.addAction(name, true, false, reflect.TypeFor[A](), adapt(fn))
}

// LongInternalAction registers an internal action that may take as long as it
// needs when a job runs it.
func LongInternalAction[A, R any](r *Registry, name string, fn func(ctx *ActionCtx, args A) (R, error)) {
	r.addAction(name, true, true, reflect.TypeFor[A](), adapt(fn))
}

// adapt turns a typed function into one on values.
func adapt[C, A, R any](fn func(C, A) (R, error)) func(C, value.Object) (value.Value, error) {
	nothing := reflect.TypeFor[R]() == reflect.TypeFor[struct{}]()
	return func(ctx C, raw value.Object) (value.Value, error) {
		var args A
		if err := value.ToGo(raw, &args); err != nil {
			return nil, systemErrorf("invalid", "ArgumentValidationError: %s", err)
		}
		res, err := fn(ctx, args)
		if err != nil || nothing {
			return nil, err
		}
		v, err := value.FromGo(res)
		if err != nil {
			return nil, fmt.Errorf("encode result: %w", err)
		}
		return v, nil
	}
}

func (r *Registry) addQuery(name string, internal bool, args reflect.Type, fn func(*QueryCtx, value.Object) (value.Value, error)) {
	r.add(name, &Function{Kind: KindQuery, Internal: internal, query: fn}, args)
}

func (r *Registry) addMutation(name string, internal bool, args reflect.Type, fn func(*MutationCtx, value.Object) (value.Value, error)) {
	r.add(name, &Function{Kind: KindMutation, Internal: internal, mutation: fn}, args)
}

func (r *Registry) addAction(name string, internal, long bool, args reflect.Type, fn func(*ActionCtx, value.Object) (value.Value, error)) {
	r.add(name, &Function{Kind: KindAction, Internal: internal, Long: long, action: fn}, args)
}

func (r *Registry) add(name string, f *Function, args reflect.Type) {
	p, err := ParsePath(name)
	if err != nil {
		panic(fmt.Sprintf("register %s: %v", name, err))
	}
	if _, taken := r.functions[p.String()]; taken {
		panic(fmt.Sprintf("register %s: the name is taken", name))
	}
	f.Path = p
	if f.Args, err = schema.Of(args); err != nil {
		panic(fmt.Sprintf("register %s: %v", name, err))
	}
	r.functions[p.String()] = f
}
