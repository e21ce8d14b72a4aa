package deployments

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/internal/builder/projects"
)

// onJob calls fn with a job whose functions are those of r.
func onJob(t *testing.T, r *function.Registry, fn func(j *job)) {
	t.Helper()
	declared, err := schema.New()
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db"), Schema: declared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	function.InternalAction(r, "test:job", func(ctx *function.ActionCtx, _ struct{}) (any, error) {
		work, lose := context.WithCancelCause(ctx)
		defer lose(nil)
		fn(&job{
			module: &module{Config: Config{Logger: slog.New(slog.DiscardHandler)}, owner: "me"},
			ctx:    ctx, work: work, lose: lose, d: &Deployment{ID: "d", ProjectID: "p"},
		})
		return nil, nil
	})
	runner, err := function.New(function.Config{Registry: r, Store: st})
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Invoke(t.Context(), function.KindAction, nil, "test:job", nil, nil); err != nil {
		t.Fatal(err)
	}
}

// Lines that could not be written are written with the next, in their order.
func TestLinesOutliveAFailedWrite(t *testing.T) {
	t.Parallel()
	var wrote []string
	broken := true
	r := function.NewRegistry()
	function.InternalMutation(r, "deployments:advance", func(_ *function.MutationCtx, a struct {
		ID    string `json:"deploymentId"`
		Owner string `json:"owner"`
		Log   string `json:"log,omitempty"`
	},
	) (bool, error) {
		if broken {
			return false, errors.New("the disk is full")
		}
		wrote = append(wrote, a.Log)
		return true, nil
	})
	onJob(t, r, func(j *job) {
		j.say("one")
		if j.advance(advanceArgs{}) == nil {
			t.Error("the failure was kept back")
		}
		j.say("two")
		broken = false
		if err := j.advance(advanceArgs{}); err != nil {
			t.Error(err)
		}
		if rest := j.pending(); rest != "" {
			t.Errorf("left: %q", rest)
		}
	})
	if len(wrote) != 1 || wrote[0] != "one\ntwo\n" {
		t.Errorf("wrote %q", wrote)
	}
}

// A job that loses its deployment doesn't wait for the sandbox any longer.
func TestALostLeaseEndsTheWaitForTheSandbox(t *testing.T) {
	t.Parallel()
	r := function.NewRegistry()
	var lose context.CancelCauseFunc
	asked := 0
	function.InternalQuery(r, "projects:find", func(*function.QueryCtx, struct {
		ProjectID string `json:"projectId"`
	},
	) (*projects.Project, error) {
		if asked++; asked == 2 { // the wait is under way
			lose(errLost)
		}
		return &projects.Project{ID: "p", Sandbox: &projects.Sandbox{Status: projects.Starting}}, nil
	})
	onJob(t, r, func(j *job) {
		lose = j.lose
		if _, _, err := j.sandbox(); !errors.Is(err, errLost) && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	if asked != 2 {
		t.Errorf("it looked %d times", asked)
	}
}
