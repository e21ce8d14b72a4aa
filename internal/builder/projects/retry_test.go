package projects_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/internal/builder/projects"
)

// queue keeps what is scheduled.
type queue struct{ jobs []function.Job }

func (q *queue) Enqueue(_ context.Context, _ store.Transaction, j function.Job) (string, error) {
	q.jobs = append(q.jobs, j)
	return "job", nil
}

type failing struct {
	Failures int `json:"failures,omitempty"`
}

// What fails runs again with what it was given, each time after twice as long,
// until it is given up with the cause.
func TestRetryWaitsLongerEachTimeAndEnds(t *testing.T) {
	t.Parallel()
	declared, err := schema.New()
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db"), Schema: declared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	cause := errors.New("the cause")
	registry := function.NewRegistry()
	function.InternalAction(registry, "test:fail", func(ctx *function.ActionCtx, a failing) (any, error) {
		a.Failures++
		return nil, projects.Retry(ctx, slog.New(slog.DiscardHandler), "test:fail", a.Failures, a, cause)
	})
	q := &queue{}
	now := time.Unix(1e9, 0)
	runner, err := function.New(function.Config{Registry: registry, Store: st, Jobs: q, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	call := func(a any) error {
		return runner.Invoke(t.Context(), function.KindAction, nil, "test:fail", a, nil)
	}
	err = call(nil)
	rest := 10 * time.Second
	for tries := 1; err == nil; tries++ {
		if len(q.jobs) != tries || tries > 100 {
			t.Fatalf("%d jobs after %d tries", len(q.jobs), tries)
		}
		if got := q.jobs[tries-1].RunAt.Sub(now); got != rest {
			t.Errorf("try %d is followed after %v, want %v", tries, got, rest)
		}
		rest *= 2
		err = call(q.jobs[tries-1].Args)
	}
	if len(q.jobs) != 13 || !errors.Is(err, cause) || !strings.Contains(err.Error(), "given up after 14 tries") {
		t.Errorf("after %d more tries it ends with %v", len(q.jobs), err)
	}
}
