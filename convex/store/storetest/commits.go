package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

func testTimestamps(t *testing.T, s *suite) {
	var last store.Timestamp
	for range 3 {
		st := s.store(t)
		for range 20 {
			ts := write(t, st, func(ctx context.Context, w store.Writer) error {
				_, err := w.Insert(ctx, "items", value.Object{})
				return err
			})
			if ts <= last {
				t.Fatalf("timestamp %d after %d", ts, last)
			}
			last = ts
		}
		idle := write(t, st, func(context.Context, store.Writer) error { return nil })
		if idle != last {
			t.Errorf("a transaction without writes is at %d, want the snapshot's %d", idle, last)
		}
		closeStore(t, st)
	}
}

func testRequests(t *testing.T, s *suite) {
	st := s.store(t)
	key := store.Request{Session: "s", ID: 7}
	run := func(st store.Store, fail error) (*store.Record, store.Timestamp, error) {
		var rec *store.Record
		ts, err := st.Update(t.Context(), func(tx store.Transaction) (err error) {
			if rec, err = tx.Recorded(t.Context(), key); err != nil || rec != nil {
				return err
			}
			if err := tx.Record(t.Context(), key, []byte("result")); err != nil {
				return err
			}
			return fail
		})
		return rec, ts, err
	}
	if _, _, err := run(st, errors.New("no")); err == nil {
		t.Fatal("the failure was lost")
	}
	rec, ts, err := run(st, nil)
	if err != nil || rec != nil {
		t.Fatalf("after a failure: record %v, error %v", rec, err)
	}
	insert(t, st, value.Object{})
	closeStore(t, st)
	st = s.store(t)
	defer closeStore(t, st)
	rec, _, err = run(st, nil)
	if err != nil || rec == nil || string(rec.Result) != "result" || rec.Timestamp != ts {
		t.Errorf("repeat: record %+v, error %v; want the result at %d", rec, err, ts)
	}
}

func testChanges(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	id := insert(t, st, value.Object{"a": 1.0})
	var start store.Timestamp
	err := st.View(t.Context(), func(snap store.Snapshot) error { start = snap.Timestamp(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	var want []store.Timestamp
	for range 3 {
		want = append(want, write(t, st, func(ctx context.Context, w store.Writer) error {
			return w.Patch(ctx, "items", id, value.Object{"b": 1.0})
		}))
	}
	err = st.View(t.Context(), func(snap store.Snapshot) error {
		changes, ok, err := snap.Changes(t.Context(), start)
		if err != nil {
			return err
		}
		if !ok || len(changes) != len(want) {
			t.Fatalf("%d changes, whole %v; want %d", len(changes), ok, len(want))
		}
		reads := store.NewReadSet()
		reads.Add(store.DocumentKey("items", id))
		for i, c := range changes {
			if c.Timestamp != want[i] || !reads.Meets(c.Keys) {
				t.Errorf("change %d = %d with %d keys, want %d with the document's", i, c.Timestamp, len(c.Keys), want[i])
			}
		}
		none, ok, err := snap.Changes(t.Context(), snap.Timestamp())
		if !ok || len(none) != 0 {
			t.Errorf("changes after the newest: %v, whole %v", none, ok)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testPrune(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	first := write(t, st, func(ctx context.Context, w store.Writer) error {
		_, err := w.Insert(ctx, "items", value.Object{})
		return err
	})
	insert(t, st, value.Object{})
	last := write(t, st, func(ctx context.Context, w store.Writer) error {
		_, err := w.Insert(ctx, "items", value.Object{})
		return err
	})
	if err := st.Prune(t.Context(), last+1, last+1); err != nil {
		t.Fatal(err)
	}
	err := st.View(t.Context(), func(snap store.Snapshot) error {
		if snap.Timestamp() != last {
			t.Errorf("newest timestamp = %d, want %d", snap.Timestamp(), last)
		}
		_, ok, err := snap.Changes(t.Context(), first)
		if ok {
			t.Error("pruned changes count as whole")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testHooks(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	var commits atomic.Int64
	remove := st.OnCommit(func() { commits.Add(1) })
	var at store.Timestamp
	ts, err := st.Update(t.Context(), func(tx store.Transaction) error {
		tx.AtCommit(func(ts store.Timestamp) { at = ts })
		_, err := store.NewWriter(st, tx).Insert(t.Context(), "items", value.Object{})
		return err
	})
	if err != nil || at != ts || commits.Load() != 1 {
		t.Errorf("commit at %d: hook at %d, %d notices, error %v", ts, at, commits.Load(), err)
	}
	_, err = st.Update(t.Context(), func(tx store.Transaction) error {
		tx.AtCommit(func(store.Timestamp) { t.Error("a hook ran although the transaction failed") })
		return errors.New("no")
	})
	if err == nil {
		t.Error("the failure was lost")
	}
	remove()
	insert(t, st, value.Object{})
	if commits.Load() != 1 {
		t.Errorf("%d notices after the removal, want 1", commits.Load())
	}
}

// testPin counts in memory and in the database, and looks at both at once.
func testPin(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	id := insert(t, st, value.Object{"a": 0.0})
	var memory atomic.Int64
	const commits = 200
	done := make(chan error, 1)
	go func() {
		for range commits {
			_, err := st.Update(t.Context(), func(tx store.Transaction) error {
				tx.AtCommit(func(store.Timestamp) { memory.Add(1) })
				w := store.NewWriter(st, tx)
				doc, err := w.Get(t.Context(), "items", id)
				if err != nil {
					return err
				}
				n, _ := doc["a"].(float64)
				return w.Patch(t.Context(), "items", id, value.Object{"a": n + 1})
			})
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for n := 0.0; n < commits; {
		var seen int64
		snaps, release, err := st.Pin(t.Context(), 2, func() { seen = memory.Load() })
		if err != nil {
			t.Fatal(err)
		}
		for _, snap := range snaps {
			doc, err := snap.Get(t.Context(), "items", id)
			if err != nil {
				t.Fatal(err)
			}
			n, _ = doc["a"].(float64)
			if int64(n) != seen {
				t.Errorf("the database says %v, memory %d", n, seen)
			}
		}
		release()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func testQuota(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	const limit = 3
	full := errors.New("full")
	var ok, refused atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			_, err := st.Update(t.Context(), func(tx store.Transaction) error {
				w := store.NewWriter(st, tx)
				docs, err := w.Scan(t.Context(), store.Scan{Table: "items", Index: "by_a", Equal: []value.Value{"me"}})
				if err != nil {
					return err
				}
				if len(docs) >= limit {
					return full
				}
				_, err = w.Insert(t.Context(), "items", value.Object{"a": "me"})
				return err
			})
			switch {
			case err == nil:
				ok.Add(1)
			case errors.Is(err, full):
				refused.Add(1)
			default:
				t.Errorf("insert: %v", err)
			}
		})
	}
	wg.Wait()
	if ok.Load() != limit || refused.Load() != 100-limit || count(t, st) != limit {
		t.Errorf("%d inserted, %d refused, %d stored; want %d", ok.Load(), refused.Load(), count(t, st), limit)
	}
}
