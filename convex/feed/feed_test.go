package feed_test

import (
	"path/filepath"
	"testing"

	"surgent.dev/surgent/convex/feed"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/value"
)

func openStore(t *testing.T) store.Store {
	t.Helper()
	sch, err := schema.New(schema.DefineAny("things", schema.Index{Name: "by_a", Fields: []string{"a"}}))
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "feed.db"), Schema: sch})
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

func insert(t *testing.T, st store.Store, a value.Value) {
	t.Helper()
	_, err := st.Update(t.Context(), func(tx store.Transaction) error {
		_, err := store.NewWriter(st, tx).Insert(t.Context(), "things", value.Object{"a": a})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// advance moves a cursor to the newest snapshot.
func advance(t *testing.T, st store.Store, c *feed.Cursor) (keys map[store.Key]struct{}, lost bool) {
	t.Helper()
	err := st.View(t.Context(), func(snap store.Snapshot) (err error) {
		keys, lost, err = c.Advance(t.Context(), snap)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys, lost
}

func TestCursorSeesEachCommitOnce(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	var c feed.Cursor
	if keys, lost := advance(t, st, &c); len(keys) != 0 || lost {
		t.Errorf("an empty log gives %d keys, lost %v", len(keys), lost)
	}
	insert(t, st, "x")
	insert(t, st, "y")
	keys, lost := advance(t, st, &c)
	for _, want := range []store.Key{store.TableKey("things"), store.IndexKey("things", "by_a", "x"), store.IndexKey("things", "by_a", "y")} {
		if _, ok := keys[want]; !ok || lost {
			t.Errorf("key %q: %v, lost %v", want, ok, lost)
		}
	}
	if keys, _ := advance(t, st, &c); len(keys) != 0 {
		t.Errorf("the same commits gave %d keys again", len(keys))
	}
}

func TestCursorKnowsWhatWasPruned(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	var c feed.Cursor
	for range 3 {
		insert(t, st, "x")
	}
	late := feed.From(1)
	advance(t, st, &c)
	if err := st.Prune(t.Context(), c.At(), 0); err != nil {
		t.Fatal(err)
	}
	if _, lost := advance(t, st, &late); !lost {
		t.Error("a reader that came too late was not told")
	}
	insert(t, st, "y")
	if keys, lost := advance(t, st, &c); len(keys) == 0 || lost {
		t.Errorf("a reader that was there got %d keys, lost %v", len(keys), lost)
	}
}

func TestWakerCoalesces(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	w := feed.NewWaker(st.OnCommit)
	insert(t, st, "x")
	insert(t, st, "y")
	<-w.C()
	select {
	case <-w.C():
		t.Error("two commits woke twice although nobody waited")
	default:
	}
	w.Close()
	insert(t, st, "z")
	select {
	case <-w.C():
		t.Error("a closed waker woke")
	default:
	}
}
