package storetest

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

func testValues(t *testing.T, s *suite) {
	st := s.store(t)
	values := value.Array{
		nil, true, false, 0.0, math.Copysign(0, -1), 1.5, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64,
		value.Int64(math.MinInt64), value.Int64(0), value.Int64(math.MaxInt64),
		"", "x", "\x00", "añ😀", strings.Repeat("long", 5000),
		[]byte{},
		[]byte{0, 255},
		value.Array{},
		value.Object{},
		value.Object{"a": value.Array{value.Object{"b": nil}}},
	}
	for _, v := range values {
		id := insert(t, st, value.Object{"a": v})
		got := get(t, st, id)
		if !value.Equal(got["a"], v) {
			t.Errorf("wrote %#v, read %#v", v, got["a"])
		}
		if got["_id"] != id {
			t.Errorf("_id = %v, want %s", got["_id"], id)
		}
	}
	closeStore(t, st)
	st = s.store(t)
	defer closeStore(t, st)
	if n := count(t, st); n != len(values) {
		t.Errorf("after opening again: %d documents, want %d", n, len(values))
	}
}

func testMissing(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	id := insert(t, st, value.Object{"a": 1.0})
	write(t, st, func(ctx context.Context, w store.Writer) error { return w.Delete(ctx, "items", id) })
	for _, id := range []string{id, "", "nonsense"} {
		if doc := get(t, st, id); doc != nil {
			t.Errorf("get %q = %v, want nothing", id, doc)
		}
	}
	ops := map[string]func(context.Context, store.Writer) error{
		"patch":   func(ctx context.Context, w store.Writer) error { return w.Patch(ctx, "items", id, value.Object{}) },
		"replace": func(ctx context.Context, w store.Writer) error { return w.Replace(ctx, "items", id, value.Object{}) },
		"delete":  func(ctx context.Context, w store.Writer) error { return w.Delete(ctx, "items", id) },
	}
	for name, op := range ops {
		if _, err := tryWrite(t, st, op); err == nil {
			t.Errorf("%s of a missing document did not fail", name)
		}
	}
}

func testRollback(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	id := insert(t, st, value.Object{"a": "before"})
	no := errors.New("no")
	_, err := tryWrite(t, st, func(ctx context.Context, w store.Writer) error {
		if _, err := w.Insert(ctx, "items", value.Object{"a": "new"}); err != nil {
			return err
		}
		if err := w.Patch(ctx, "items", id, value.Object{"a": "after"}); err != nil {
			return err
		}
		return no
	})
	if !errors.Is(err, no) {
		t.Fatalf("error = %v, want the function's own", err)
	}
	if doc := get(t, st, id); doc["a"] != "before" {
		t.Errorf("a = %v, want before", doc["a"])
	}
	if n := count(t, st); n != 1 {
		t.Errorf("%d documents, want 1", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = st.Update(ctx, func(tx store.Transaction) error {
		_, err := store.NewWriter(st, tx).Insert(ctx, "items", value.Object{})
		cancel()
		return err
	})
	if err == nil || count(t, st) != 1 {
		t.Errorf("a transaction whose context ended: error %v, %d documents", err, count(t, st))
	}
}

func testOwnWrites(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	write(t, st, func(ctx context.Context, w store.Writer) error {
		id, err := w.Insert(ctx, "items", value.Object{"a": 1.0, "b": "x"})
		if err != nil {
			return err
		}
		if err := w.Patch(ctx, "items", id, value.Object{"a": 2.0, "b": value.Undefined, "c": nil}); err != nil {
			return err
		}
		docs, err := w.Scan(ctx, store.Scan{Table: "items", Index: "by_a", Equal: []value.Value{2.0}})
		if err != nil {
			return err
		}
		if len(docs) != 1 {
			t.Fatalf("%d documents in the index, want 1", len(docs))
		}
		_, hasB := docs[0]["b"]
		_, hasC := docs[0]["c"]
		if hasB || !hasC {
			t.Errorf("patched to %v", docs[0])
		}
		if err := w.Replace(ctx, "items", id, value.Object{"b": "y"}); err != nil {
			return err
		}
		doc, err := w.Get(ctx, "items", id)
		if err != nil {
			return err
		}
		want := value.Object{"_id": id, "_creationTime": docs[0]["_creationTime"], "b": "y"}
		if d := cmp.Diff(want, doc); d != "" {
			t.Errorf("replaced (-want +got):\n%s", d)
		}
		return w.Delete(ctx, "items", id)
	})
	if n := count(t, st); n != 0 {
		t.Errorf("%d documents, want 0", n)
	}
}

func testSnapshots(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	id := insert(t, st, value.Object{"a": 1.0})
	snaps, release, err := st.Pin(t.Context(), 2, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	before := snaps[0].Timestamp()
	after := write(t, st, func(ctx context.Context, w store.Writer) error {
		return w.Patch(ctx, "items", id, value.Object{"a": 2.0})
	})
	if after <= before {
		t.Errorf("commit at %d, snapshot before it at %d", after, before)
	}
	for _, snap := range snaps {
		doc, err := snap.Get(t.Context(), "items", id)
		if err != nil {
			t.Fatal(err)
		}
		if doc["a"] != 1.0 || snap.Timestamp() != before {
			t.Errorf("snapshot at %d shows %v", snap.Timestamp(), doc["a"])
		}
	}
}

func testDocumentRules(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	deep := value.Value(1.0)
	for range store.MaxDocumentDepth {
		deep = value.Array{deep}
	}
	bad := map[string]value.Object{
		"unknown field":   {"zzz": 1.0},
		"reserved name":   {"_x": 1.0},
		"dollar inside":   {"a": value.Object{"$x": 1.0}},
		"non-ASCII name":  {"a": value.Object{"ñ": 1.0}},
		"too large":       {"a": strings.Repeat("x", store.MaxDocumentSize)},
		"too deep":        {"a": deep},
		"too many fields": {"a": manyFields(value.MaxFields + 1)},
		"long array":      {"a": make(value.Array, value.MaxArrayLen+1)},
	}
	for name, doc := range bad {
		_, err := tryWrite(t, st, func(ctx context.Context, w store.Writer) error {
			_, err := w.Insert(ctx, "items", doc)
			return err
		})
		var de *store.DocumentError
		if !errors.As(err, &de) {
			t.Errorf("%s: error = %v, want a DocumentError", name, err)
		}
	}
	if n := count(t, st); n != 0 {
		t.Errorf("%d documents, want 0", n)
	}
}

func manyFields(n int) value.Object {
	o := value.Object{}
	for i := range n {
		o["f"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+strings.Repeat("y", i/26)] = nil
	}
	return o
}

func testCreationTimes(t *testing.T, s *suite) {
	last := 0.0
	for range 3 {
		st := s.store(t)
		for range 20 {
			write(t, st, func(ctx context.Context, w store.Writer) error {
				for range 5 {
					id, err := w.Insert(ctx, "items", value.Object{})
					if err != nil {
						return err
					}
					doc, err := w.Get(ctx, "items", id)
					if err != nil {
						return err
					}
					at, _ := doc["_creationTime"].(float64)
					if at <= last {
						t.Errorf("creation time %v after %v", at, last)
					}
					last = at
				}
				return nil
			})
		}
		closeStore(t, st)
	}
}

func testTableNumbers(t *testing.T, s *suite) {
	st := s.store(t)
	number, ok := st.TableNumber("items")
	if !ok || number == 0 {
		t.Fatalf("number of items = %d, %v", number, ok)
	}
	closeStore(t, st)
	st = s.store(t)
	defer closeStore(t, st)
	if again, _ := st.TableNumber("items"); again != number {
		t.Errorf("number of items was %d, is %d", number, again)
	}
	if name, ok := st.TableName(number); !ok || name != "items" {
		t.Errorf("table %d = %q, %v", number, name, ok)
	}
	if _, ok := st.TableName(1 << 20); ok {
		t.Error("an unknown number has a name")
	}
}
