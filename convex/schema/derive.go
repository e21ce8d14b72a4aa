package schema

import (
	"encoding/json"
	"fmt"
	"reflect"

	"surgent.dev/surgent/convex/value"
)

// TableID is implemented by string types that hold ids of one table.
type TableID interface{ ConvexTable() string }

// Enum is implemented by string types that take a fixed set of values.
type Enum interface{ ConvexLiterals() []string }

// Of derives the validator of a Go type: structs by their json tags as closed
// objects, pointers and omitempty as optional fields, maps as records, slices
// as arrays, a TableID as v.id, an Enum as a union of literals, interfaces and
// json.RawMessage as v.any. Types that hold themselves end in v.any.
func Of(t reflect.Type) (*Validator, error) { return derive(t, nil) }

func derive(t reflect.Type, outer []reflect.Type) (*Validator, error) {
	if v := deriveNamed(t); v != nil {
		return v, nil
	}
	switch t.Kind() {
	case reflect.Interface:
		return Any(), nil
	case reflect.Bool:
		return Bool(), nil
	case reflect.String:
		return String(), nil
	case reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Float64(), nil
	case reflect.Pointer:
		return derive(t.Elem(), outer)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return Bytes(), nil
		}
		elem, err := derive(t.Elem(), outer)
		if err != nil {
			return nil, err
		}
		return ArrayOf(elem), nil
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("derive validator of %s: keys must be strings", t)
		}
		elem, err := derive(t.Elem(), outer)
		if err != nil {
			return nil, err
		}
		return RecordOf(elem), nil
	case reflect.Struct:
		return deriveStruct(t, outer)
	default:
		return nil, fmt.Errorf("derive validator of %s: not a Convex value", t)
	}
}

// deriveNamed handles the types that are known by name or method.
func deriveNamed(t reflect.Type) *Validator {
	switch t {
	case reflect.TypeFor[value.Int64]():
		return Int64()
	case reflect.TypeFor[json.RawMessage]():
		return Any()
	}
	if t.Kind() != reflect.String {
		return nil
	}
	switch x := reflect.Zero(t).Interface().(type) {
	case TableID:
		return ID(x.ConvexTable())
	case Enum:
		var members []*Validator
		for _, l := range x.ConvexLiterals() {
			members = append(members, Literal(l))
		}
		if len(members) == 1 {
			return members[0]
		}
		return Union(members...)
	}
	return nil
}

func deriveStruct(t reflect.Type, outer []reflect.Type) (*Validator, error) {
	for _, o := range outer {
		if o == t {
			return Any(), nil
		}
	}
	inner := append(append([]reflect.Type(nil), outer...), t)
	var fields []Property
	for _, f := range value.FieldsOf(t) {
		v, err := derive(f.Type, inner)
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", f.Name, t, err)
		}
		fields = append(fields, Property{Name: f.Name, Type: v, Optional: f.Optional})
	}
	return ObjectOf(fields...), nil
}
