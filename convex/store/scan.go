package store

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/value"
)

// Scan describes a range of an index: its leading fields equal to some values,
// an optional bound on the next field, in order, up to a limit.
type Scan struct {
	Table string
	// Index is the index's name; "" is the order of creation.
	Index string
	// Equal fixes the leading fields; value.Undefined stands for absent.
	Equal []value.Value
	// Lower and Upper bound the field after those, nil for no bound.
	Lower, Upper *Bound
	// After starts behind a position, Through ends with one, both in the
	// direction of the scan.
	After, Through *Position
	Desc           bool
	// Limit is the most documents returned, 0 for all.
	Limit int
}

// Bound is one end of a range.
type Bound struct {
	Value     value.Value
	Inclusive bool
}

// Position is a place in an index, that of one document: where a page ended.
type Position struct {
	// Fields are the indexed values in their ordered encoding.
	Fields       [][]byte `json:"f,omitempty"`
	CreationTime float64  `json:"c"`
	ID           string   `json:"i"`
	// End is set for the place behind the last document.
	End bool `json:"e,omitempty"`
}

// Fields returns the field paths that the scan's index orders by, without the
// creation time, or an error when the scan does not fit the schema.
func (s Scan) Fields(sch *schema.Schema) ([]string, error) {
	t, ok := sch.Table(s.Table)
	if !ok {
		return nil, fmt.Errorf("scan %s: no such table", s.Table)
	}
	var fields []string
	if s.Index != "" {
		ix, ok := t.Index(s.Index)
		if !ok {
			return nil, fmt.Errorf("scan %s.%s: no such index", s.Table, s.Index)
		}
		fields = ix.Fields
	}
	if len(s.Equal) > len(fields) {
		return nil, fmt.Errorf("scan %s.%s: %d values for %d fields", s.Table, s.Index, len(s.Equal), len(fields))
	}
	if (s.Lower != nil || s.Upper != nil) && len(s.Equal) > len(fields)-1 && s.Index != "" {
		// The creation time is the field after the last one.
		for _, b := range []*Bound{s.Lower, s.Upper} {
			if b == nil {
				continue
			}
			if _, ok := b.Value.(float64); !ok {
				return nil, fmt.Errorf("scan %s.%s: a bound on the creation time must be a number", s.Table, s.Index)
			}
		}
	}
	return fields, nil
}

// Key is what the scan depends on.
func (s Scan) Key() Key {
	if s.Index == "" {
		return TableKey(s.Table)
	}
	return IndexKey(s.Table, s.Index, s.Equal...)
}

// positionOf returns the place of doc in an index on fields.
func positionOf(doc value.Object, fields []string) *Position {
	p := &Position{Fields: make([][]byte, len(fields))}
	for i, f := range fields {
		p.Fields[i] = value.AppendOrdered(nil, FieldAt(doc, f))
	}
	p.CreationTime, _ = doc[schema.FieldCreationTime].(float64)
	p.ID, _ = doc[schema.FieldID].(string)
	return p
}

// FieldAt returns the value at a field path such as "owner.id", or
// value.Undefined when the document has none.
func FieldAt(doc value.Object, path string) value.Value {
	for {
		first, rest, nested := strings.Cut(path, ".")
		v, ok := doc[first]
		if !ok {
			return value.Undefined
		}
		if !nested {
			return v
		}
		doc, ok = v.(value.Object)
		if !ok {
			return value.Undefined
		}
		path = rest
	}
}

// ErrBadCursor is returned for a page cursor that this index did not give. Its
// text makes clients start over from the first page.
var ErrBadCursor = errors.New("InvalidCursor: the cursor does not belong to this query")

// Cursor returns p as an opaque string for clients.
func (p *Position) Cursor() string {
	b, err := json.Marshal(p)
	if err != nil {
		// A Position holds nothing that JSON cannot: creation times are finite.
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor is the inverse of Cursor for an index with this many fields.
func parseCursor(s string, fields int) (*Position, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, ErrBadCursor
	}
	var p Position
	if err := json.Unmarshal(b, &p); err != nil || !p.End && len(p.Fields) != fields {
		return nil, ErrBadCursor
	}
	return &p, nil
}
