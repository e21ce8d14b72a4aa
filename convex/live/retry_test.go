package live_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// cannot is what a client sees of a query whose reads fail.
const cannot = "error: Uncaught Error: Cannot list"

// faults make the query notes:shaky fail.
type faults struct {
	slow  atomic.Int64 // runs that take too long
	reads atomic.Int64 // scans by topic that the store refuses
	pins  atomic.Int64 // batches
	begun []time.Time  // when the runs began; one test goroutine reads it when all is quiet
}

func (f *faults) register(r *function.Registry) {
	function.Query(r, "notes:shaky", func(ctx *function.QueryCtx, a struct {
		Topic  string `json:"topic"`
		Answer string `json:"answer"`
	},
	) (int, error) {
		f.begun = append(f.begun, time.Now())
		if use(&f.slow) {
			<-ctx.Done()
			return 0, function.Errorf("unavailable", "Cannot list").WithCause(ctx.Err())
		}
		all, err := notes.Query(ctx.DB, "by_topic", a.Topic).All(ctx)
		if err != nil {
			return 0, function.Errorf("unavailable", "Cannot list").WithCause(err)
		}
		switch a.Answer {
		case "coded":
			return 0, function.Errorf("forbidden", "No")
		case "plain":
			return 0, errors.New("no")
		case "panic":
			panic("no")
		}
		return len(all), nil
	})
}

// use takes one from n and reports whether there was one.
func use(n *atomic.Int64) bool {
	for {
		left := n.Load()
		if left == 0 {
			return false
		}
		if n.CompareAndSwap(left, left-1) {
			return true
		}
	}
}

// shakyStore is a store whose scans fail on demand.
type shakyStore struct {
	store.Store
	faults *faults
}

func (s shakyStore) Pin(ctx context.Context, n int, pin func()) ([]store.Snapshot, func(), error) {
	s.faults.pins.Add(1)
	snaps, release, err := s.Store.Pin(ctx, n, pin)
	for i := range snaps {
		snaps[i] = shakySnapshot{snaps[i], s.faults}
	}
	return snaps, release, err
}

type shakySnapshot struct {
	store.Snapshot
	faults *faults
}

func (s shakySnapshot) Scan(ctx context.Context, sc store.Scan) ([]value.Object, error) {
	if sc.Index == "by_topic" && use(&s.faults.reads) {
		return nil, errors.New("disk I/O error")
	}
	return s.Snapshot.Scan(ctx, sc)
}

func shaky(t testing.TB, id uint32, answer string) live.Query {
	return query(t, id, "notes:shaky", value.Object{"topic": "a", "answer": answer})
}

// pauses returns the times between runs, a run's own time included.
func (f *faults) pauses() []time.Duration {
	var out []time.Duration
	for i := 1; i < len(f.begun); i++ {
		out = append(out, f.begun[i].Sub(f.begun[i-1]).Round(time.Second))
	}
	return out
}

func TestPassingFailureRunsAgain(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, tc := range map[string]struct {
		fail   func(*faults)
		pauses []time.Duration
	}{
		"one time-out":      {func(f *faults) { f.slow.Store(1) }, []time.Duration{11 * s}},
		"one read error":    {func(f *faults) { f.reads.Store(1) }, []time.Duration{1 * s}},
		"eight read errors": {func(f *faults) { f.reads.Store(8) }, []time.Duration{1 * s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s, 30 * s}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c := w.hub.Connect()
				defer c.Close()
				tc.fail(&w.faults)
				mustModify(t, c, 0, []live.Query{shaky(t, 0, ""), query(t, 1, "notes:total", value.Object{})})
				v := newView(t, c)
				v.until(func() bool { return v.values[0] != "" })
				if v.values[0] != cannot || v.values[1] != "0" {
					t.Errorf("after the failure: %v", v.values)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				v.take()
				if v.values[0] != "0" || v.updates != 3 {
					t.Errorf("%d updates to %v, want the failure and then the value", v.updates, v.values)
				}
				if diff := cmp.Diff(tc.pauses, w.faults.pauses()); diff != "" {
					t.Errorf("pauses between runs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The failure takes the place of a good result, which would be one of an older
// commit, and a success makes the next pause a short one again.
func TestPassingFailureAfterAResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.hub.Connect()
		defer c.Close()
		mustModify(t, c, 0, []live.Query{shaky(t, 0, "")})
		v := newView(t, c)
		v.untilValue(0, "0")
		for _, want := range []string{"1", "2"} {
			w.faults.reads.Store(2)
			w.add("a")
			v.untilValue(0, cannot)
			v.untilValue(0, want)
		}
		s := time.Second
		if diff := cmp.Diff([]time.Duration{0, 1 * s, 2 * s, 0, 1 * s, 2 * s}, w.faults.pauses()); diff != "" {
			t.Errorf("pauses between runs (-want +got):\n%s", diff)
		}
	})
}

func TestAnswersAreNotRunAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		query live.Query
		want  string
	}{
		"coded error":      {shaky(t, 0, "coded"), "error: Uncaught Error: No"},
		"plain error":      {shaky(t, 0, "plain"), "error: Server Error"},
		"panic":            {shaky(t, 0, "panic"), "error: Server Error"},
		"wrong arguments":  {query(t, 0, "notes:shaky", value.Object{}), ""},
		"unknown function": {query(t, 0, "notes:nothing", value.Object{}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c := w.hub.Connect()
				defer c.Close()
				mustModify(t, c, 0, []live.Query{tc.query})
				v := newView(t, c)
				v.until(func() bool { return v.values[0] != "" })
				if got := v.values[0]; !strings.HasPrefix(got, "error: ") || tc.want != "" && got != tc.want {
					t.Errorf("the client has %q, want the failure %q", got, tc.want)
				}
				synctest.Wait()
				before := w.faults.pins.Load()
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := w.faults.pins.Load() - before; n != 0 {
					t.Errorf("%d batches ran after the failure, want none", n)
				}
			})
		})
	}
}

func TestRetriesStop(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*testing.T, *world, *live.Client){
		"query removed": func(t *testing.T, _ *world, c *live.Client) { mustModify(t, c, 1, nil, 0) },
		"client closed": func(_ *testing.T, _ *world, c *live.Client) { c.Close() },
		"hub stopped":   func(_ *testing.T, w *world, _ *live.Client) { w.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c := w.hub.Connect()
				defer c.Close()
				w.faults.reads.Store(100)
				mustModify(t, c, 0, []live.Query{shaky(t, 0, "")})
				newView(t, c).untilValue(0, cannot)
				time.Sleep(90 * time.Second)
				synctest.Wait()
				before := len(w.faults.begun)
				if before < 6 {
					t.Errorf("ran %d times before the stop", before)
				}
				stop(t, w, c)
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := len(w.faults.begun) - before; n != 0 {
					t.Errorf("ran %d times after the stop", n)
				}
			})
		})
	}
}
