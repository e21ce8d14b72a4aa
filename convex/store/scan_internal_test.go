package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A cursor is what a client sends back: anything, or what it was given.
func FuzzCursor(f *testing.F) {
	f.Add((&Position{End: true}).Cursor(), 1)
	f.Add((&Position{Fields: [][]byte{{7, 1}}, CreationTime: 1.5, ID: "x"}).Cursor(), 1)
	f.Add("nonsense", 0)
	f.Fuzz(func(t *testing.T, s string, fields int) {
		p, err := parseCursor(s, fields)
		if err != nil {
			if !errors.Is(err, ErrBadCursor) {
				t.Fatal(err)
			}
			return
		}
		if !p.End && len(p.Fields) != fields {
			t.Fatalf("%q has %d fields, want %d", s, len(p.Fields), fields)
		}
		again, err := parseCursor(p.Cursor(), fields)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.Cursor(), again.Cursor()); diff != "" {
			t.Fatal(diff)
		}
	})
}
