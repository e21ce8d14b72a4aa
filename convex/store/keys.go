package store

import (
	"maps"
	"slices"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/value"
)

// Key names something that a read can depend on. Keys are opaque; two reads
// depend on the same thing when their keys are equal.
type Key string

// TableKey is what a read of a whole table depends on.
func TableKey(table string) Key { return Key("t\x00" + table) }

// DocumentKey is what a read of one document depends on, found or not.
func DocumentKey(table, id string) Key { return Key("d\x00" + table + "\x00" + id) }

// IndexKey is what a read of an index depends on that fixes the index's
// leading fields to these values.
func IndexKey(table, index string, equal ...value.Value) Key {
	b := []byte("i\x00" + table + "\x00" + index + "\x00")
	for _, v := range equal {
		b = value.AppendOrdered(b, v)
	}
	return Key(b)
}

// StreamKey is what a read of a stream depends on. No document write
// publishes it.
func StreamKey(name string) Key { return Key("s\x00" + name) }

// writeKeys returns the keys of every read that doc takes part in. A write
// publishes those of the document before and of the document after it.
func writeKeys(t schema.Table, doc value.Object) []Key {
	id, _ := doc[schema.FieldID].(string)
	keys := []Key{TableKey(t.Name), DocumentKey(t.Name, id)}
	for _, ix := range t.Indexes {
		prefix := []byte(IndexKey(t.Name, ix.Name))
		keys = append(keys, Key(prefix))
		for _, f := range ix.Fields {
			prefix = value.AppendOrdered(prefix, FieldAt(doc, f))
			keys = append(keys, Key(prefix))
		}
	}
	return keys
}

// ReadSet collects the keys of the reads of one run. It is not safe for
// concurrent use; a nil ReadSet ignores what it is given.
type ReadSet struct{ keys map[Key]struct{} }

// NewReadSet returns an empty set.
func NewReadSet() *ReadSet { return &ReadSet{keys: map[Key]struct{}{}} }

// Add adds a key.
func (s *ReadSet) Add(k Key) {
	if s != nil {
		s.keys[k] = struct{}{}
	}
}

// Keys returns the keys in no particular order.
func (s *ReadSet) Keys() []Key {
	if s == nil {
		return nil
	}
	return slices.Collect(maps.Keys(s.keys))
}

// Has reports whether k was read.
func (s *ReadSet) Has(k Key) bool {
	if s == nil {
		return false
	}
	_, ok := s.keys[k]
	return ok
}

// Meets reports whether one of keys was read.
func (s *ReadSet) Meets(keys []Key) bool { return slices.ContainsFunc(keys, s.Has) }
