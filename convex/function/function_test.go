package function_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/value"
)

type projectID string

func (projectID) ConvexTable() string { return "projects" }

type project struct {
	ID           projectID `json:"_id"`
	CreationTime float64   `json:"_creationTime"`
	Owner        string    `json:"owner"`
}

var projects = store.TypedTable[project, projectID]("projects")

type none = struct{}

func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	sch, err := schema.New(schema.Define[project]("projects", schema.Index{Name: "by_owner", Fields: []string{"owner"}}))
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "f.db"), Schema: sch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return st
}

func newRunner(t testing.TB, c function.Config) *function.Runner {
	t.Helper()
	if c.Store == nil {
		c.Store = openStore(t)
	}
	r, err := function.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func call(t testing.TB, name string, args value.Value) function.Call {
	t.Helper()
	p, err := function.ParsePath(name)
	if err != nil {
		t.Fatal(err)
	}
	return function.Call{Path: p, Args: args, RequestID: "r"}
}

var createArgs = value.Object{"owner": "ann"}

// projectFunctions registers projects:create, which allows three per owner.
func projectFunctions() *function.Registry {
	r := function.NewRegistry()
	type args struct {
		Owner string `json:"owner"`
	}
	function.Mutation(r, "projects:create", func(ctx *function.MutationCtx, a args) (projectID, error) {
		have, err := projects.Query(ctx.DB, "by_owner", a.Owner).All(ctx)
		if err != nil {
			return "", err
		}
		if len(have) >= 3 {
			return "", function.Errorf("quota", "Project limit reached: maximum 3 projects per user")
		}
		return projects.Insert(ctx, ctx.DB, project{Owner: a.Owner})
	})
	function.Query(r, "projects:count", func(ctx *function.QueryCtx, a args) (int, error) {
		have, err := projects.Query(ctx.DB, "by_owner", a.Owner).All(ctx)
		return len(have), err
	})
	return r
}

func TestQuotaUnderParallelCalls(t *testing.T) {
	t.Parallel()
	r := newRunner(t, function.Config{Registry: projectFunctions()})
	var wg sync.WaitGroup
	results := make([]function.Result, 100)
	for i := range results {
		wg.Go(func() {
			results[i] = r.Mutation(context.Background(), call(t, "projects:create", createArgs), function.MutationOptions{})
		})
	}
	wg.Wait()
	made := 0
	for _, res := range results {
		switch {
		case res.Failure == nil:
			made++
		case !strings.HasSuffix(res.Failure.Message, "\nUncaught Error: Project limit reached: maximum 3 projects per user"):
			t.Errorf("refused with %q", res.Failure.Message)
		}
	}
	if made != 3 {
		t.Errorf("%d projects made, want 3", made)
	}
}

func TestRepeatedRequestRunsOnce(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	key := &store.Request{Session: "s", ID: 1}
	first := newRunner(t, function.Config{Registry: projectFunctions(), Store: st}).
		Mutation(t.Context(), call(t, "projects:create", createArgs), function.MutationOptions{Request: key})
	if first.Failure != nil {
		t.Fatal(first.Failure.Message)
	}
	// Another runner is another process as far as memory goes.
	r := newRunner(t, function.Config{Registry: projectFunctions(), Store: st})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			again := r.Mutation(context.Background(), call(t, "projects:create", createArgs), function.MutationOptions{Request: key})
			if again.Failure != nil || string(again.Value) != string(first.Value) || again.Timestamp != first.Timestamp {
				t.Errorf("repeat = %+v, want %+v", again, first)
			}
		})
	}
	wg.Wait()
	var n int
	if err := r.Invoke(t.Context(), function.KindQuery, nil, "projects:count", createArgs, &n); err != nil || n != 1 {
		t.Errorf("%d projects, %v; want 1", n, err)
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	reg := projectFunctions()
	secret := errors.New("password is hunter2")
	known := errors.New("known to the program")
	fail := map[string]error{
		"plain":   function.Errorf("forbidden", "Forbidden"),
		"wrapped": fmt.Errorf("load project: %w", function.Errorf("not_found", "Project not found")),
		"convex":  function.NewConvexError(map[string]any{"code": "quota", "message": "Enough", "max": 3}),
		"secret":  secret,
		"known":   fmt.Errorf("do it: %w", known),
		"cause":   function.Errorf("unavailable", "Try later").WithCause(secret),
	}
	for name, err := range fail {
		function.Mutation(reg, "fail:"+name, func(*function.MutationCtx, none) (none, error) { return none{}, err })
	}
	function.InternalMutation(reg, "fail:internal", func(*function.MutationCtx, none) (none, error) { return none{}, nil })
	function.Mutation(reg, "fail:default", func(*function.MutationCtx, none) (none, error) { return none{}, nil })
	function.Mutation(reg, "fail:nested", func(ctx *function.MutationCtx, _ none) (none, error) { panic(ctx) })
	r := newRunner(t, function.Config{Registry: reg, ConvertError: func(err error) *function.Error {
		if errors.Is(err, known) {
			return function.NewConvexError(map[string]string{"code": "conflict", "message": "Known"})
		}
		return nil
	}})
	const head = "[Request ID: r] Server Error"
	cases := []struct{ name, want, data string }{
		{"fail:plain", head + "\nUncaught Error: Forbidden", ""},
		{"fail:wrapped", head + "\nUncaught Error: Project not found", ""},
		{"fail:convex", head + `` + "\n" + `Uncaught ConvexError: {"code":"quota","max":3,"message":"Enough"}`, `{"code":"quota","max":3,"message":"Enough"}`},
		{"fail:secret", head, ""},
		{"fail:cause", head + "\nUncaught Error: Try later", ""},
		{"fail:nested", head, ""},
		{"fail:known", head + "\n" + `Uncaught ConvexError: {"code":"conflict","message":"Known"}`, `{"code":"conflict","message":"Known"}`},
		{"fail:internal", head + "\nCould not find public function for 'fail:internal'.", ""},
		{"no:such", head + "\nCould not find public function for 'no:such'.", ""},
		{"no", head + "\nCould not find public function for 'no'.", ""},
		{"projects:count", head + "\nTrying to execute projects.js:count as Mutation, but it is defined as Query.", ""},
	}
	for _, c := range cases {
		res := r.Mutation(t.Context(), call(t, c.name, value.Object{}), function.MutationOptions{})
		if res.Failure == nil || res.Failure.Message != c.want || string(res.Failure.Data) != c.data {
			t.Errorf("%s failed with %+v, want %q and data %q", c.name, res.Failure, c.want, c.data)
		}
	}
	res := r.Mutation(t.Context(), call(t, "projects:create", value.Array{}), function.MutationOptions{})
	if want := head + "\nInvalid arguments for projects.js:create: arguments must be one object"; res.Failure == nil || res.Failure.Message != want {
		t.Errorf("bad arguments: %+v, want %q", res.Failure, want)
	}
}

func TestMutationInsideMutationFails(t *testing.T) {
	t.Parallel()
	reg := projectFunctions()
	var r *function.Runner
	function.Mutation(reg, "nested:run", func(ctx *function.MutationCtx, _ none) (none, error) {
		return none{}, r.Invoke(ctx, function.KindMutation, nil, "projects:create", createArgs, nil)
	})
	r = newRunner(t, function.Config{Registry: reg})
	err := r.Invoke(t.Context(), function.KindMutation, nil, "nested:run", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "cannot run inside another") {
		t.Errorf("error = %v, want one that says what is wrong", err)
	}
}

func TestAfterCommitRunsOnlyThen(t *testing.T) {
	t.Parallel()
	reg := projectFunctions()
	var ran []string
	type args struct {
		Fail bool `json:"fail"`
	}
	function.Mutation(reg, "after:commit", func(ctx *function.MutationCtx, a args) (none, error) {
		ctx.AfterCommit(func() { ran = append(ran, fmt.Sprint(a.Fail)) })
		if a.Fail {
			return none{}, errors.New("no")
		}
		return none{}, nil
	})
	r := newRunner(t, function.Config{Registry: reg})
	for _, fail := range []bool{true, false} {
		err := r.Invoke(t.Context(), function.KindMutation, nil, "after:commit", args{fail}, nil)
		if (err != nil) != fail {
			t.Errorf("fail %v: error %v", fail, err)
		}
	}
	if len(ran) != 1 || ran[0] != "false" {
		t.Errorf("ran %v, want only the one that committed", ran)
	}
}

func TestUnreadableResultUndoesTheMutation(t *testing.T) {
	t.Parallel()
	reg := projectFunctions()
	function.Mutation(reg, "bad:result", func(ctx *function.MutationCtx, _ none) (any, error) {
		_, err := projects.Insert(ctx, ctx.DB, project{Owner: "ann"})
		return value.Object{"$reserved": 1.0, "x": 1.0}, err
	})
	r := newRunner(t, function.Config{Registry: reg})
	if res := r.Mutation(t.Context(), call(t, "bad:result", value.Object{}), function.MutationOptions{}); res.Failure == nil {
		t.Errorf("the result %s passed", res.Value)
	}
	var n int
	if err := r.Invoke(t.Context(), function.KindQuery, nil, "projects:count", createArgs, &n); err != nil || n != 0 {
		t.Errorf("%d projects, %v; want none", n, err)
	}
}

// Results have a limit as arguments do; a mutation beyond it leaves nothing.
func TestResultsHaveALimit(t *testing.T) {
	t.Parallel()
	reg := projectFunctions()
	long := strings.Repeat("x", function.MaxArgsSize)
	function.Query(reg, "long:query", func(*function.QueryCtx, none) (string, error) { return long, nil })
	function.Mutation(reg, "long:mutation", func(ctx *function.MutationCtx, _ none) (string, error) {
		_, err := projects.Insert(ctx, ctx.DB, project{Owner: "ann"})
		return long, err
	})
	r := newRunner(t, function.Config{Registry: reg})
	for name, res := range map[string]function.Result{
		"long:query":    r.QueryNow(t.Context(), call(t, "long:query", value.Object{})).Result,
		"long:mutation": r.Mutation(t.Context(), call(t, "long:mutation", value.Object{}), function.MutationOptions{}),
	} {
		if res.Failure == nil || !strings.Contains(res.Failure.Message, "return value is too large") {
			t.Errorf("%s: %+v", name, res.Failure)
		}
	}
	var n int
	if err := r.Invoke(t.Context(), function.KindQuery, nil, "projects:count", createArgs, &n); err != nil || n != 0 {
		t.Errorf("%d projects, %v; want none", n, err)
	}
}

func TestDeadSessionIsAnonymous(t *testing.T) {
	t.Parallel()
	reg := projectFunctions()
	function.Query(reg, "who:am", func(ctx *function.QueryCtx, _ none) (string, error) { return ctx.Identity().UserID(), nil })
	r := newRunner(t, function.Config{Registry: reg, SessionAlive: func(_ context.Context, _ store.Reader, id *function.Identity) (bool, error) {
		return id.SessionID() == "alive", nil
	}})
	for session, want := range map[string]string{"alive": "ann", "dead": ""} {
		var got string
		id := &function.Identity{Subject: "ann|" + session}
		if err := r.Invoke(t.Context(), function.KindQuery, id, "who:am", nil, &got); err != nil || got != want {
			t.Errorf("session %s: user %q, %v; want %q", session, got, err, want)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a:b": "a:b", "a.js:b": "a:b", "a": "a:default", "dir/a:b": "dir/a:b", "dir/a.js:b": "dir/a:b",
		"": "", "a:": "", ":b": "", "a b:c": "", "a:b:c": "", "../a:b": "../a:b", "a//b:c": "", "é:b": "",
	} {
		p, err := function.ParsePath(in)
		if (err != nil) != (want == "") || err == nil && p.String() != want {
			t.Errorf("ParsePath(%q) = %s, %v; want %q", in, p, err, want)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"a:b", "dir/a.js:b", "a", "a:", "../a:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := function.ParsePath(s)
		if err != nil {
			return
		}
		again, err := function.ParsePath(p.String())
		if strings.HasSuffix(p.Module, ".js") {
			return // "a.js.js" names the module "a.js", which can't be said again
		}
		if err != nil || again != p {
			t.Fatalf("%q is %+v, which reads as %+v, %v", s, p, again, err)
		}
	})
}

func TestBadRegistrationsPanic(t *testing.T) {
	t.Parallel()
	ok := func(*function.QueryCtx, none) (none, error) { return none{}, nil }
	for name, register := range map[string]func(*function.Registry){
		"bad name":   func(r *function.Registry) { function.Query(r, "a b", ok) },
		"taken name": func(r *function.Registry) { function.Query(r, "a:b", ok); function.Query(r, "a:b", ok) },
		"bad arguments": func(r *function.Registry) {
			function.Query(r, "a:b", func(*function.QueryCtx, struct{ C chan int }) (none, error) { return none{}, nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it was accepted")
				}
			}()
			register(function.NewRegistry())
		})
	}
}

// BenchmarkMutation measures small mutations, one after the other and in
// parallel.
func BenchmarkMutation(b *testing.B) {
	reg := projectFunctions()
	function.Mutation(reg, "projects:add", func(ctx *function.MutationCtx, a struct {
		Owner string `json:"owner"`
	},
	) (projectID, error) {
		return projects.Insert(ctx, ctx.DB, project{Owner: a.Owner})
	})
	b.Run("serial", func(b *testing.B) {
		r := newRunner(b, function.Config{Registry: reg})
		for b.Loop() {
			if res := r.Mutation(b.Context(), call(b, "projects:add", createArgs), function.MutationOptions{}); res.Failure != nil {
				b.Fatal(res.Failure.Message)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		r := newRunner(b, function.Config{Registry: reg})
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if res := r.Mutation(b.Context(), call(b, "projects:add", createArgs), function.MutationOptions{}); res.Failure != nil {
					b.Error(res.Failure.Message)
				}
			}
		})
	})
}

// BenchmarkQuery measures a query of one document through an index.
func BenchmarkQuery(b *testing.B) {
	r := newRunner(b, function.Config{Registry: projectFunctions()})
	if err := r.Invoke(b.Context(), function.KindMutation, nil, "projects:create", createArgs, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if res := r.QueryNow(b.Context(), call(b, "projects:count", createArgs)); res.Failure != nil {
			b.Fatal(res.Failure.Message)
		}
	}
}
