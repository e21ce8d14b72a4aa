// Package storetest is the suite that every store driver passes. A driver's
// test calls Run with a way to open it; a bug that is found in one driver
// becomes a case here.
package storetest

import (
	"context"
	"testing"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// Opener opens the database that lives in a folder, with a schema. The suite
// opens the same folder again to see what lasted.
type Opener func(t testing.TB, dir string, sch *schema.Schema) store.Store

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	cases := []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"values survive", testValues},
		{"missing documents", testMissing},
		{"rollback", testRollback},
		{"reads see own writes", testOwnWrites},
		{"snapshots stand still", testSnapshots},
		{"document rules", testDocumentRules},
		{"creation times increase", testCreationTimes},
		{"timestamps increase and last", testTimestamps},
		{"table numbers last", testTableNumbers},
		{"requests are recorded", testRequests},
		{"change log", testChanges},
		{"prune", testPrune},
		{"commit hooks", testHooks},
		{"pin is atomic with commits", testPin},
		{"a quota holds under parallel inserts", testQuota},
		{"indexes follow the schema", testIndexes},
		{"scans agree with a model", testScans},
		{"pages agree with a model", testPages},
		{"writes meet the reads that they change", testKeys},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, &suite{open: open, dir: t.TempDir()})
		})
	}
}

// suite opens stores for one case.
type suite struct {
	open Opener
	dir  string
}

// item is the document of most cases. Its fields may hold anything.
type item struct {
	ID           itemID  `json:"_id"`
	CreationTime float64 `json:"_creationTime"`
	A            any     `json:"a,omitempty"`
	B            any     `json:"b,omitempty"`
	C            any     `json:"c,omitempty"`
}

type itemID string

// ConvexTable names the table.
func (itemID) ConvexTable() string { return "items" }

var (
	byA  = schema.Index{Name: "by_a", Fields: []string{"a"}}
	byAB = schema.Index{Name: "by_a_b", Fields: []string{"a", "b"}}
	byIn = schema.Index{Name: "by_inner", Fields: []string{"c.inner"}}
)

func itemSchema(t testing.TB, indexes ...schema.Index) *schema.Schema {
	t.Helper()
	sch, err := schema.New(schema.Define[item]("items", indexes...), schema.DefineAny("others"))
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

// store opens the case's database with the items table.
func (s *suite) store(t testing.TB) store.Store {
	t.Helper()
	return s.open(t, s.dir, itemSchema(t, byA, byAB, byIn))
}

// write runs fn as one mutation and fails the test when it fails.
func write(t testing.TB, st store.Store, fn func(ctx context.Context, w store.Writer) error) store.Timestamp {
	t.Helper()
	ts, err := tryWrite(t, st, fn)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return ts
}

func tryWrite(t testing.TB, st store.Store, fn func(ctx context.Context, w store.Writer) error) (store.Timestamp, error) {
	t.Helper()
	ctx := t.Context()
	return st.Update(ctx, func(tx store.Transaction) error { return fn(ctx, store.NewWriter(st, tx)) })
}

// read runs fn on the newest snapshot.
func read(t testing.TB, st store.Store, fn func(ctx context.Context, r store.Reader) error) {
	t.Helper()
	ctx := t.Context()
	err := st.View(ctx, func(snap store.Snapshot) error { return fn(ctx, store.NewReader(st, snap, nil, nil)) })
	if err != nil {
		t.Fatalf("read: %v", err)
	}
}

func insert(t testing.TB, st store.Store, doc value.Object) string {
	t.Helper()
	var id string
	write(t, st, func(ctx context.Context, w store.Writer) (err error) {
		id, err = w.Insert(ctx, "items", doc)
		return err
	})
	return id
}

func get(t testing.TB, st store.Store, id string) value.Object {
	t.Helper()
	var doc value.Object
	read(t, st, func(ctx context.Context, r store.Reader) (err error) {
		doc, err = r.Get(ctx, "items", id)
		return err
	})
	return doc
}

func count(t testing.TB, st store.Store) int {
	t.Helper()
	var n int
	read(t, st, func(ctx context.Context, r store.Reader) error {
		docs, err := r.Scan(ctx, store.Scan{Table: "items"})
		n = len(docs)
		return err
	})
	return n
}

func closeStore(t testing.TB, st store.Store) {
	t.Helper()
	if err := st.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}
