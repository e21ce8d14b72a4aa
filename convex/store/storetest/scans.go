package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// few draws a value out of a small set of all types, so that equal ones and
// neighbours are common.
func few() *rapid.Generator[value.Value] {
	return rapid.SampledFrom([]value.Value{
		value.Undefined, nil, value.Int64(-1), value.Int64(1), math.Inf(-1), -1.0, math.Copysign(0, -1), 0.0, 1.0, math.NaN(),
		false, true, "", "a", "a\x00", "ab",
		[]byte{},
		[]byte{0},
		value.Array{},
		value.Array{1.0},
		value.Object{},
		value.Object{"k": 1.0},
	})
}

func drawDoc(t *rapid.T) value.Object {
	doc := value.Object{}
	for _, f := range []string{"a", "b"} {
		if v := few().Draw(t, f); !value.IsUndefined(v) {
			doc[f] = v
		}
	}
	if rapid.Bool().Draw(t, "has inner") {
		doc["c"] = value.Object{"inner": rapid.SampledFrom([]value.Value{1.0, "x"}).Draw(t, "inner")}
	}
	return doc
}

// drawScan draws any scan that the items table allows.
func drawScan(t *rapid.T) store.Scan {
	indexes := []schema.Index{{}, byA, byAB, byIn}
	ix := rapid.SampledFrom(indexes).Draw(t, "index")
	sc := store.Scan{Table: "items", Index: ix.Name, Desc: rapid.Bool().Draw(t, "desc"), Limit: rapid.IntRange(0, 4).Draw(t, "limit")}
	for range rapid.IntRange(0, len(ix.Fields)).Draw(t, "equal") {
		sc.Equal = append(sc.Equal, few().Draw(t, "equal value"))
	}
	if len(sc.Equal) < len(ix.Fields) {
		bound := func(label string) *store.Bound {
			if !rapid.Bool().Draw(t, label) {
				return nil
			}
			return &store.Bound{Value: few().Draw(t, label+" value"), Inclusive: rapid.Bool().Draw(t, label+" inclusive")}
		}
		sc.Lower, sc.Upper = bound("lower"), bound("upper")
	}
	return sc
}

// compare orders two values with undefined first.
func compare(a, b value.Value) int {
	ua, ub := value.IsUndefined(a), value.IsUndefined(b)
	switch {
	case ua && ub:
		return 0
	case ua:
		return -1
	case ub:
		return 1
	default:
		return value.Compare(a, b)
	}
}

// model answers a scan the plain way.
func model(docs []value.Object, sc store.Scan) []string {
	var fields []string
	for _, ix := range []schema.Index{byA, byAB, byIn} {
		if ix.Name == sc.Index {
			fields = ix.Fields
		}
	}
	var kept []value.Object
	for _, d := range docs {
		if inRange(d, fields, sc) {
			kept = append(kept, d)
		}
	}
	slices.SortFunc(kept, func(x, y value.Object) int {
		for _, f := range fields {
			if c := compare(store.FieldAt(x, f), store.FieldAt(y, f)); c != 0 {
				return c
			}
		}
		return value.Compare(x["_creationTime"], y["_creationTime"])
	})
	if sc.Desc {
		slices.Reverse(kept)
	}
	if sc.Limit > 0 && len(kept) > sc.Limit {
		kept = kept[:sc.Limit]
	}
	return ids(kept)
}

func inRange(d value.Object, fields []string, sc store.Scan) bool {
	for i, e := range sc.Equal {
		if compare(store.FieldAt(d, fields[i]), e) != 0 {
			return false
		}
	}
	if len(sc.Equal) >= len(fields) {
		return true
	}
	v := store.FieldAt(d, fields[len(sc.Equal)])
	if b := sc.Lower; b != nil {
		if c := compare(v, b.Value); c < 0 || c == 0 && !b.Inclusive {
			return false
		}
	}
	if b := sc.Upper; b != nil {
		if c := compare(v, b.Value); c > 0 || c == 0 && !b.Inclusive {
			return false
		}
	}
	return true
}

func ids(docs []value.Object) []string {
	out := make([]string, len(docs))
	for i, d := range docs {
		out[i], _ = d["_id"].(string)
	}
	return out
}

// fill replaces all items by random ones and returns them.
func fill(t testing.TB, rt *rapid.T, st store.Store) []value.Object {
	n := rapid.IntRange(0, 12).Draw(rt, "documents")
	fresh := make([]value.Object, n)
	for i := range fresh {
		fresh[i] = drawDoc(rt)
	}
	var docs []value.Object
	write(t, st, func(ctx context.Context, w store.Writer) error {
		old, err := w.Scan(ctx, store.Scan{Table: "items"})
		if err != nil {
			return err
		}
		for _, d := range old {
			if err := w.Delete(ctx, "items", d["_id"].(string)); err != nil {
				return err
			}
		}
		for _, d := range fresh {
			if _, err := w.Insert(ctx, "items", d); err != nil {
				return err
			}
		}
		docs, err = w.Scan(ctx, store.Scan{Table: "items"})
		return err
	})
	return docs
}

func testScans(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	rapid.Check(t, func(rt *rapid.T) {
		docs := fill(t, rt, st)
		for range 5 {
			sc := drawScan(rt)
			read(t, st, func(ctx context.Context, r store.Reader) error {
				got, err := r.Scan(ctx, sc)
				if err != nil {
					return err
				}
				if want := model(docs, sc); !slices.Equal(ids(got), want) {
					rt.Fatalf("scan %+v:\n got %v\nwant %v", sc, ids(got), want)
				}
				return nil
			})
		}
	})
}

func testPages(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	rapid.Check(t, func(rt *rapid.T) {
		docs := fill(t, rt, st)
		sc := drawScan(rt)
		sc.Limit = 0
		want := model(docs, sc)
		size := rapid.IntRange(1, 5).Draw(rt, "page size")
		read(t, st, func(ctx context.Context, r store.Reader) error {
			var got []string
			var cursor any
			for {
				p, err := r.Paginate(ctx, sc, store.PageOptions{NumItems: float64(size), Cursor: cursor})
				if err != nil {
					return err
				}
				again, err := r.Paginate(ctx, sc, store.PageOptions{NumItems: 1, Cursor: cursor, EndCursor: p.ContinueCursor})
				if err != nil {
					return err
				}
				if !slices.Equal(ids(again.Page), ids(p.Page)) {
					rt.Fatalf("the page to its own end: got %v, want %v", ids(again.Page), ids(p.Page))
				}
				got = append(got, ids(p.Page)...)
				cursor = p.ContinueCursor
				if p.IsDone {
					break
				}
			}
			if !slices.Equal(got, want) {
				rt.Fatalf("pages of %d of %+v:\n got %v\nwant %v", size, sc, got, want)
			}
			return nil
		})
	})
}

// testKeys is the property that live queries rest on: if a write changes the
// result of a read, the write's keys meet the read's.
func testKeys(t *testing.T, s *suite) {
	st := s.store(t)
	defer closeStore(t, st)
	rapid.Check(t, func(rt *rapid.T) {
		docs := fill(t, rt, st)
		reads := drawReads(rt, docs)
		before := make([]string, len(reads))
		sets := make([]*store.ReadSet, len(reads))
		ctx := t.Context()
		runAll := func(each func(i int, result string, set *store.ReadSet)) {
			err := st.View(ctx, func(snap store.Snapshot) error {
				for i, run := range reads {
					set := store.NewReadSet()
					res, err := run(ctx, store.NewReader(st, snap, set, nil))
					if err != nil {
						return err
					}
					each(i, res, set)
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
		runAll(func(i int, res string, set *store.ReadSet) { before[i], sets[i] = res, set })
		var start store.Timestamp
		if err := st.View(ctx, func(snap store.Snapshot) error { start = snap.Timestamp(); return nil }); err != nil {
			rt.Fatal(err)
		}
		what := drawWrite(t, rt, st, docs)
		var changes []store.Change
		err := st.View(ctx, func(snap store.Snapshot) (err error) {
			changes, _, err = snap.Changes(ctx, start)
			return err
		})
		if err != nil {
			rt.Fatal(err)
		}
		runAll(func(i int, res string, _ *store.ReadSet) {
			if res == before[i] {
				return
			}
			for _, c := range changes {
				if sets[i].Meets(c.Keys) {
					return
				}
			}
			rt.Fatalf("%s changed read %d without meeting its keys:\nbefore %s\nafter  %s\nread %q", what, i, before[i], res, sets[i].Keys())
		})
	})
}

type readFunc func(context.Context, store.Reader) (string, error)

func drawReads(rt *rapid.T, docs []value.Object) []readFunc {
	var out []readFunc
	for range 6 {
		sc := drawScan(rt)
		out = append(out, func(ctx context.Context, r store.Reader) (string, error) {
			docs, err := r.Scan(ctx, sc)
			return text(docs), err
		})
		out = append(out, func(ctx context.Context, r store.Reader) (string, error) {
			p, err := r.Paginate(ctx, sc, store.PageOptions{NumItems: 2})
			return text(p.Page), err
		})
	}
	for _, d := range docs {
		id, _ := d["_id"].(string)
		out = append(out, func(ctx context.Context, r store.Reader) (string, error) {
			doc, err := r.Get(ctx, "items", id)
			return text([]value.Object{doc}), err
		})
	}
	return out
}

func text(docs []value.Object) string {
	list := value.Array{}
	for _, d := range docs {
		if d == nil {
			list = append(list, nil)
			continue
		}
		list = append(list, d)
	}
	b, err := value.Encode(list)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// drawWrite makes one random change and says which.
func drawWrite(t testing.TB, rt *rapid.T, st store.Store, docs []value.Object) string {
	kind := rapid.SampledFrom([]string{"insert", "patch", "replace", "delete"}).Draw(rt, "write")
	if len(docs) == 0 {
		kind = "insert"
	}
	fresh := drawDoc(rt)
	var id string
	if kind != "insert" {
		id, _ = rapid.SampledFrom(docs).Draw(rt, "document")["_id"].(string)
	}
	write(t, st, func(ctx context.Context, w store.Writer) error {
		switch kind {
		case "insert":
			_, err := w.Insert(ctx, "items", fresh)
			return err
		case "patch":
			return w.Patch(ctx, "items", id, fresh)
		case "replace":
			return w.Replace(ctx, "items", id, fresh)
		default:
			return w.Delete(ctx, "items", id)
		}
	})
	return fmt.Sprintf("%s %s %v", kind, id, fresh)
}

// testIndexes opens one database with one schema after the other.
func testIndexes(t *testing.T, s *suite) {
	open := func(indexes ...schema.Index) store.Store {
		return s.open(t, s.dir, itemSchema(t, indexes...))
	}
	find := func(st store.Store, index string, equal ...value.Value) int {
		n := 0
		read(t, st, func(ctx context.Context, r store.Reader) error {
			docs, err := r.Scan(ctx, store.Scan{Table: "items", Index: index, Equal: equal})
			n = len(docs)
			return err
		})
		return n
	}
	st := open()
	var id string
	for i := range 1200 { // more than one batch of any driver
		id = insert(t, st, value.Object{"a": float64(i % 3), "b": "x"})
	}
	closeStore(t, st)

	st = open(byA, byAB)
	if n := find(st, "by_a", 1.0); n != 400 {
		t.Errorf("a new index finds %d documents, want 400", n)
	}
	if n := find(st, "by_a_b", 1.0, "x"); n != 400 {
		t.Errorf("a new index finds %d documents, want 400", n)
	}
	closeStore(t, st)

	// Without the index the field changes unseen; back again, it must be right.
	st = open(byA)
	write(t, st, func(ctx context.Context, w store.Writer) error {
		return w.Patch(ctx, "items", id, value.Object{"b": "y"})
	})
	closeStore(t, st)
	st = open(byA, byAB)
	defer closeStore(t, st)
	if n := find(st, "by_a_b", 2.0, "y"); n != 1 {
		t.Errorf("an index that came back finds %d documents, want 1", n)
	}
	if n := find(st, "by_a_b", 2.0, "x"); n != 399 {
		t.Errorf("an index that came back finds %d documents, want 399", n)
	}
}
