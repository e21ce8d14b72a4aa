package schema

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// The fields that every document has and no writer sets.
const (
	FieldID           = "_id"
	FieldCreationTime = "_creationTime"
)

// Index orders a table by fields, then by creation time. A field may be a path
// into nested objects, such as "owner.id"; documents that lack it sort first.
type Index struct {
	Name   string
	Fields []string
}

// Table is one table's declaration, made by Define.
type Table struct {
	Name     string
	Indexes  []Index
	Document *Validator // without the system fields

	err error // reported by New, so that declarations can be package variables
}

// Define declares a table whose documents are what the struct T allows. T has
// the fields _id and _creationTime, or neither. Mistakes are reported by New.
func Define[T any](name string, indexes ...Index) Table {
	t := Table{Name: name, Indexes: indexes}
	v, err := Of(reflect.TypeFor[T]())
	if err != nil {
		t.err = err
		return t
	}
	if v.kind != kindObject {
		t.err = fmt.Errorf("%s is not a struct", reflect.TypeFor[T]())
		return t
	}
	t.Document = ObjectOf(slices.DeleteFunc(v.fields, func(p Property) bool {
		return p.Name == FieldID || p.Name == FieldCreationTime
	})...)
	return t
}

// DefineAny declares a table whose documents may be any objects.
func DefineAny(name string, indexes ...Index) Table {
	return Table{Name: name, Indexes: indexes, Document: Any()}
}

// Index returns the index with this name.
func (t Table) Index(name string) (Index, bool) {
	for _, ix := range t.Indexes {
		if ix.Name == name {
			return ix, true
		}
	}
	return Index{}, false
}

// Schema is a set of tables. It is immutable.
type Schema struct {
	tables []Table
	byName map[string]int
}

// New checks the declarations and returns them as a schema.
func New(tables ...Table) (*Schema, error) {
	s := &Schema{tables: tables, byName: make(map[string]int, len(tables))}
	var errs []error
	for i, t := range tables {
		if _, twice := s.byName[t.Name]; twice {
			errs = append(errs, fmt.Errorf("table %q is declared twice", t.Name))
		}
		s.byName[t.Name] = i
		if err := t.check(); err != nil {
			errs = append(errs, fmt.Errorf("table %q: %w", t.Name, err))
		}
	}
	for _, t := range tables {
		if t.Document != nil {
			errs = append(errs, s.checkReferences(t.Name, t.Document)...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("check schema: %w", err)
	}
	return s, nil
}

func (t Table) check() error {
	if t.err != nil {
		return t.err
	}
	if !IsIdentifier(t.Name) || strings.HasPrefix(t.Name, "river_") || strings.HasPrefix(t.Name, "sqlite_") {
		return errors.New("the name must be letters, digits and underscores, start with a letter, and not be reserved")
	}
	for _, p := range t.Document.Fields() {
		if !IsIdentifier(p.Name) {
			return fmt.Errorf("field %q: the name must be letters, digits and underscores and start with a letter", p.Name)
		}
	}
	seen := map[string]bool{}
	for _, ix := range t.Indexes {
		if !IsIdentifier(ix.Name) || len(ix.Fields) == 0 || seen[ix.Name] {
			return fmt.Errorf("index %q needs a name of its own and at least one field", ix.Name)
		}
		seen[ix.Name] = true
		for _, f := range ix.Fields {
			if err := t.checkPath(f); err != nil {
				return fmt.Errorf("index %q: %w", ix.Name, err)
			}
		}
	}
	return nil
}

// checkPath reports a field path that can never exist.
func (t Table) checkPath(path string) error {
	first, _, _ := strings.Cut(path, ".")
	for part := range strings.SplitSeq(path, ".") {
		if !IsIdentifier(part) {
			return fmt.Errorf("%q is no field path", path)
		}
	}
	if t.Document.kind != kindObject {
		return nil
	}
	if !slices.ContainsFunc(t.Document.fields, func(p Property) bool { return p.Name == first }) {
		return fmt.Errorf("the table has no field %q", first)
	}
	return nil
}

// checkReferences reports ids of tables that are not declared.
func (s *Schema) checkReferences(where string, v *Validator) []error {
	var errs []error
	if v.kind == kindID {
		if _, ok := s.byName[v.table]; !ok {
			errs = append(errs, fmt.Errorf("table %q refers to table %q, which is not declared", where, v.table))
		}
	}
	if v.elem != nil {
		errs = append(errs, s.checkReferences(where, v.elem)...)
	}
	for _, f := range v.fields {
		errs = append(errs, s.checkReferences(where, f.Type)...)
	}
	for _, m := range v.members {
		errs = append(errs, s.checkReferences(where, m)...)
	}
	return errs
}

// Tables returns the tables in the order declared. Do not change the slice.
func (s *Schema) Tables() []Table { return s.tables }

// Table returns the declaration of the table with this name.
func (s *Schema) Table(name string) (Table, bool) {
	i, ok := s.byName[name]
	if !ok {
		return Table{}, false
	}
	return s.tables[i], true
}
