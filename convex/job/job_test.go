package job_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/job"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/value"
)

type markID string

func (markID) ConvexTable() string { return "marks" }

type mark struct {
	ID           markID  `json:"_id"`
	CreationTime float64 `json:"_creationTime"`
	Name         string  `json:"name"`
}

var marks = store.TypedTable[mark, markID]("marks")

// fixture is a store with jobs in it. ran gets the name of each mark when its
// function runs.
type fixture struct {
	path   string
	db     *sqlite.Store
	runner *function.Runner
	jobs   *job.Jobs
	ran    chan string

	workers int
	timeout time.Duration
	// onAction runs in the action "marks:act".
	onAction func(ctx *function.ActionCtx, name string) error
}

type nameArgs struct {
	Name string `json:"name"`
}

func (f *fixture) register() *function.Registry {
	r := function.NewRegistry()
	function.InternalMutation(r, "marks:set", func(ctx *function.MutationCtx, a nameArgs) (markID, error) {
		ctx.AfterCommit(func() { f.ran <- a.Name })
		return marks.Insert(ctx, ctx.DB, mark{Name: a.Name})
	})
	type scheduleArgs struct {
		Name  string  `json:"name"`
		Run   string  `json:"run"`
		After float64 `json:"after"` // ms
		Fail  bool    `json:"fail,omitempty"`
	}
	function.Mutation(r, "marks:schedule", func(ctx *function.MutationCtx, a scheduleArgs) (string, error) {
		id, err := ctx.Scheduler.RunAfter(ctx, time.Duration(a.After)*time.Millisecond, a.Run, nameArgs{a.Name})
		if a.Fail {
			return "", function.Errorf("invalid", "no")
		}
		return id, err
	})
	function.InternalAction(r, "marks:act", func(ctx *function.ActionCtx, a nameArgs) (struct{}, error) {
		return struct{}{}, f.onAction(ctx, a.Name)
	})
	function.LongInternalAction(r, "marks:actLong", func(ctx *function.ActionCtx, a nameArgs) (struct{}, error) {
		return struct{}{}, f.onAction(ctx, a.Name)
	})
	function.InternalQuery(r, "marks:count", func(ctx *function.QueryCtx, a nameArgs) (int, error) {
		all, err := marks.Query(ctx.DB, "by_name", a.Name).All(ctx)
		return len(all), err
	})
	return r
}

func (f *fixture) open(t testing.TB) {
	t.Helper()
	sch, err := schema.New(schema.Define[mark]("marks", schema.Index{Name: "by_name", Fields: []string{"name"}}))
	if err != nil {
		t.Fatal(err)
	}
	f.db, err = sqlite.Open(t.Context(), sqlite.Config{Path: f.path, Schema: sch})
	if err != nil {
		t.Fatal(err)
	}
	reg := f.register()
	if f.runner, err = function.New(function.Config{Registry: reg, Store: f.db}); err != nil {
		t.Fatal(err)
	}
	f.jobs, err = job.Open(t.Context(), job.Config{Store: f.db, Registry: reg, Runner: f.runner, Workers: f.workers, ActionTimeout: f.timeout})
	if err != nil {
		t.Fatal(err)
	}
	f.runner.SetJobs(f.jobs)
}

// start runs the jobs and returns how to stop them and close the store.
func (f *fixture) start(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.jobs.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run jobs: %v", err)
			}
			if err := f.db.Close(); err != nil {
				t.Errorf("close store: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func newFixture(t testing.TB, set ...func(*fixture)) *fixture {
	t.Helper()
	f := &fixture{path: filepath.Join(t.TempDir(), "jobs.db"), ran: make(chan string, 1000)}
	for _, s := range set {
		s(f)
	}
	f.open(t)
	return f
}

func (f *fixture) schedule(t testing.TB, args value.Object) error {
	t.Helper()
	return f.runner.Invoke(t.Context(), function.KindMutation, nil, "marks:schedule", args, nil)
}

func (f *fixture) count(t testing.TB, name string) int {
	t.Helper()
	var n int
	if err := f.runner.Invoke(t.Context(), function.KindQuery, nil, "marks:count", nameArgs{name}, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func wait[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing ran in a minute")
		panic("unreachable")
	}
}

func TestMutationRunsOnceAfterCommit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stop := f.start(t)
	if err := f.schedule(t, value.Object{"name": "a", "run": "marks:set", "after": 0.0}); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, f.ran); got != "a" {
		t.Fatalf("ran %q", got)
	}
	if n := f.count(t, "a"); n != 1 {
		t.Errorf("marks = %d, want 1", n)
	}
	stop()
	if got := states(t, f.path); len(got) != 1 || got[0] != "completed" {
		t.Errorf("job states = %v, want [completed]", got)
	}
}

func TestFailedMutationSchedulesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stop := f.start(t)
	if err := f.schedule(t, value.Object{"name": "a", "run": "marks:set", "after": 0.0, "fail": true}); err == nil {
		t.Fatal("the mutation did not fail")
	}
	if err := f.schedule(t, value.Object{"name": "b", "run": "marks:set", "after": 0.0}); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, f.ran); got != "b" {
		t.Errorf("ran %q, want only b", got)
	}
	stop()
	if got := states(t, f.path); len(got) != 1 {
		t.Errorf("job states = %v, want one job", got)
	}
}

func TestShortDelayIsPrecise(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(t)
	begin := time.Now()
	if err := f.schedule(t, value.Object{"name": "a", "run": "marks:set", "after": 300.0}); err != nil {
		t.Fatal(err)
	}
	wait(t, f.ran)
	if took := time.Since(begin); took < 300*time.Millisecond || took > 3*time.Second {
		t.Errorf("a delay of 300ms took %v", took)
	}
}

// An action that is running when the process stops starts again next time.
func TestStoppedActionIsHandedBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	began := make(chan string, 1)
	f.onAction = func(ctx *function.ActionCtx, name string) error {
		began <- name
		<-ctx.Done()
		return ctx.Err()
	}
	stop := f.start(t)
	if err := f.schedule(t, value.Object{"name": "a", "run": "marks:act", "after": 0.0}); err != nil {
		t.Fatal(err)
	}
	wait(t, began)
	stop()
	if got := states(t, f.path); len(got) != 1 || got[0] != "available" {
		t.Errorf("after the stop: job states = %v, want [available]", got)
	}
	f.open(t)
	f.onAction = func(_ *function.ActionCtx, name string) error { began <- name; return nil }
	f.start(t)
	if got := wait(t, began); got != "a" {
		t.Errorf("ran %q", got)
	}
}

// A job that was running when its process was killed starts again at once.
func TestKilledActionIsRescued(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.schedule(t, value.Object{"name": "a", "run": "marks:act", "after": 0.0}); err != nil {
		t.Fatal(err)
	}
	// What a killed process leaves behind: the job running, its leadership held.
	for _, q := range []string{
		"UPDATE river_job SET state = 'running', attempt = 1, attempted_at = datetime('now'), attempted_by = jsonb('[\"dead\"]')",
		"INSERT INTO river_leader (elected_at, expires_at, leader_id, name) VALUES (datetime('now'), datetime('now', '+1 hour'), 'dead', 'default')",
	} {
		if _, err := f.db.Writer().ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	began := make(chan string, 1)
	f.onAction = func(_ *function.ActionCtx, name string) error { began <- name; return nil }
	f.start(t)
	wait(t, began) // River's own rescue and the dead leader's term take an hour
}

func TestFailedActionIsNotRepeated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	began := make(chan string, 10)
	f.onAction = func(_ *function.ActionCtx, name string) error {
		began <- name
		return errors.New("broken")
	}
	stop := f.start(t)
	for _, n := range []string{"a", "b"} {
		if err := f.schedule(t, value.Object{"name": n, "run": "marks:act", "after": 0.0}); err != nil {
			t.Fatal(err)
		}
		wait(t, began)
	}
	stop()
	for _, s := range states(t, f.path) {
		if s != "cancelled" {
			t.Errorf("job state = %s, want cancelled", s)
		}
	}
}

// Long actions have no time limit and leave room for short ones.
func TestLongActions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(f *fixture) { f.workers, f.timeout = 1, 2*time.Second })
	ended := make(chan string, 10)
	release := make(chan struct{})
	f.onAction = func(ctx *function.ActionCtx, name string) error {
		if name == "long" {
			select {
			case <-release:
			case <-ctx.Done():
			}
		} else {
			<-ctx.Done()
		}
		ended <- fmt.Sprint(name, " ", ctx.Err())
		return ctx.Err()
	}
	f.start(t)
	for range 3 {
		if err := f.schedule(t, value.Object{"name": "long", "run": "marks:actLong", "after": 0.0}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.schedule(t, value.Object{"name": "short", "run": "marks:act", "after": 0.0}); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, ended); got != "short context deadline exceeded" {
		t.Errorf("first ended: %s", got)
	}
	close(release)
	for range 3 {
		if got := wait(t, ended); got != "long <nil>" {
			t.Errorf("then ended: %s", got)
		}
	}
}

// states returns the states of all jobs in a closed database.
func states(t testing.TB, path string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT state FROM river_job ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// BenchmarkCommitToStart measures from the commit of a mutation that schedules
// to the start of the scheduled function.
func BenchmarkCommitToStart(b *testing.B) {
	f := newFixture(b)
	began := make(chan string, 1)
	f.onAction = func(_ *function.ActionCtx, name string) error { began <- name; return nil }
	f.start(b)
	for b.Loop() {
		if err := f.schedule(b, value.Object{"name": "a", "run": "marks:act", "after": 0.0}); err != nil {
			b.Fatal(err)
		}
		wait(b, began)
	}
}
