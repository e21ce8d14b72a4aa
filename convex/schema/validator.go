package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"surgent.dev/surgent/convex/value"
)

type kind int

const (
	kindAny kind = iota
	kindNull
	kindBool
	kindFloat64
	kindInt64
	kindString
	kindBytes
	kindID
	kindLiteral
	kindArray
	kindRecord
	kindObject
	kindUnion
)

// Validator says which values are allowed. It is immutable; make one with the
// functions of this package, or from a Go type with Of.
type Validator struct {
	kind    kind
	table   string       // kindID
	literal value.Value  // kindLiteral
	elem    *Validator   // kindArray, kindRecord
	fields  []Property   // kindObject, in the order declared
	members []*Validator // kindUnion
}

// Property is one field of an object validator.
type Property struct {
	Name     string
	Type     *Validator
	Optional bool
}

func scalar(k kind) *Validator { return &Validator{kind: k} }

// Any allows every value.
func Any() *Validator { return scalar(kindAny) }

// Null allows null only.
func Null() *Validator { return scalar(kindNull) }

// Bool allows booleans.
func Bool() *Validator { return scalar(kindBool) }

// Float64 allows numbers, and no bigints.
func Float64() *Validator { return scalar(kindFloat64) }

// Int64 allows bigints, and no ordinary numbers.
func Int64() *Validator { return scalar(kindInt64) }

// String allows strings.
func String() *Validator { return scalar(kindString) }

// Bytes allows byte strings.
func Bytes() *Validator { return scalar(kindBytes) }

// ID allows ids of documents of one table, whether or not the document exists.
func ID(table string) *Validator { return &Validator{kind: kindID, table: table} }

// Literal allows one string, number, bigint or boolean.
func Literal(v value.Value) *Validator { return &Validator{kind: kindLiteral, literal: v} }

// ArrayOf allows arrays of what elem allows.
func ArrayOf(elem *Validator) *Validator { return &Validator{kind: kindArray, elem: elem} }

// RecordOf allows objects with any field names, whose values elem allows.
func RecordOf(elem *Validator) *Validator { return &Validator{kind: kindRecord, elem: elem} }

// ObjectOf allows objects with these fields and no others.
func ObjectOf(fields ...Property) *Validator { return &Validator{kind: kindObject, fields: fields} }

// Union allows what one of its members allows.
func Union(members ...*Validator) *Validator { return &Validator{kind: kindUnion, members: members} }

// Fields returns the fields of an object validator, nil for others.
func (v *Validator) Fields() []Property { return v.fields }

// String returns the validator as a JavaScript author would write it.
func (v *Validator) String() string {
	switch v.kind {
	case kindNull:
		return "v.null()"
	case kindBool:
		return "v.boolean()"
	case kindFloat64:
		return "v.float64()"
	case kindInt64:
		return "v.int64()"
	case kindString:
		return "v.string()"
	case kindBytes:
		return "v.bytes()"
	case kindID:
		return fmt.Sprintf("v.id(%q)", v.table)
	case kindLiteral:
		return "v.literal(" + Show(v.literal) + ")"
	case kindArray:
		return "v.array(" + v.elem.String() + ")"
	case kindRecord:
		return "v.record(v.string(), " + v.elem.String() + ")"
	case kindObject:
		parts := make([]string, len(v.fields))
		for i, f := range v.fields {
			t := f.Type.String()
			if f.Optional {
				t = "v.optional(" + t + ")"
			}
			parts[i] = f.Name + ": " + t
		}
		return "v.object({" + strings.Join(parts, ", ") + "})"
	case kindUnion:
		parts := make([]string, len(v.members))
		for i, m := range v.members {
			parts[i] = m.String()
		}
		return "v.union(" + strings.Join(parts, ", ") + ")"
	default:
		return "v.any()"
	}
}

// Tables resolves the table number inside an id. A nil Tables knows none.
type Tables interface {
	// TableName returns the name of the table with this number.
	TableName(number uint32) (string, bool)
}

// Mismatch is the error for a value that a validator refuses. Its text is the
// one that official servers send.
type Mismatch struct{ text string }

// Error returns the text without a prefix such as "ArgumentValidationError".
func (m *Mismatch) Error() string { return m.text }

// Check returns a *Mismatch when v does not allow val.
func (v *Validator) Check(val value.Value, tables Tables) error {
	if m := v.check(val, tables, ""); m != nil {
		return m
	}
	return nil
}

func (v *Validator) check(val value.Value, tables Tables, path string) *Mismatch {
	switch v.kind {
	case kindAny:
		return nil
	case kindID:
		return v.checkID(val, tables, path)
	case kindLiteral:
		if !value.Equal(val, v.literal) {
			return &Mismatch{fmt.Sprintf("`%s` does not match literal validator `%s`.%s", Show(val), v, pathLine(path))}
		}
		return nil
	case kindArray:
		a, ok := val.(value.Array)
		if !ok {
			return v.mismatch(val, path)
		}
		for i, e := range a {
			if m := v.elem.check(e, tables, path+"["+strconv.Itoa(i)+"]"); m != nil {
				return m
			}
		}
		return nil
	case kindRecord:
		o, ok := val.(value.Object)
		if !ok {
			return v.mismatch(val, path)
		}
		for _, k := range sortedNames(o) {
			if m := v.elem.check(o[k], tables, path+"."+k); m != nil {
				return m
			}
		}
		return nil
	case kindObject:
		return v.checkObject(val, tables, path)
	case kindUnion:
		for _, m := range v.members {
			if m.check(val, tables, path) == nil {
				return nil
			}
		}
		return v.mismatch(val, path)
	default:
		if !v.allowsScalar(val) {
			return v.mismatch(val, path)
		}
		return nil
	}
}

func (v *Validator) allowsScalar(val value.Value) bool {
	var ok bool
	switch v.kind {
	case kindNull:
		ok = val == nil
	case kindBool:
		_, ok = val.(bool)
	case kindFloat64:
		_, ok = val.(float64)
	case kindInt64:
		_, ok = val.(value.Int64)
	case kindString:
		_, ok = val.(string)
	case kindBytes:
		_, ok = val.([]byte)
	}
	return ok
}

func (v *Validator) checkID(val value.Value, tables Tables, path string) *Mismatch {
	id, ok := val.(string)
	if !ok {
		return v.mismatch(val, path)
	}
	number, err := value.IDTable(id)
	if err != nil || tables == nil {
		return v.mismatch(val, path)
	}
	name, ok := tables.TableName(number)
	if !ok {
		return v.mismatch(val, path)
	}
	if name != v.table {
		return &Mismatch{fmt.Sprintf("Found ID \"%s\" from table `%s`, which does not match the table name in validator `%s`.%s", id, name, v, pathLine(path))}
	}
	return nil
}

func (v *Validator) checkObject(val value.Value, tables Tables, path string) *Mismatch {
	o, ok := val.(value.Object)
	if !ok {
		return v.mismatch(val, path)
	}
	for _, f := range v.fields {
		e, present := o[f.Name]
		if !present {
			if f.Optional {
				continue
			}
			return &Mismatch{fmt.Sprintf("Object is missing the required field `%s`. Consider wrapping the field validator in `v.optional(...)` if this is expected.\n%s\nObject: %s\nValidator: %s", f.Name, pathLine(path), Show(val), v)}
		}
		if m := f.Type.check(e, tables, path+"."+f.Name); m != nil {
			return m
		}
	}
	for _, k := range sortedNames(o) {
		if !slices.ContainsFunc(v.fields, func(f Property) bool { return f.Name == k }) {
			return &Mismatch{fmt.Sprintf("Object contains extra field `%s` that is not in the validator.\n%s\nObject: %s\nValidator: %s", k, pathLine(path), Show(val), v)}
		}
	}
	return nil
}

func (v *Validator) mismatch(val value.Value, path string) *Mismatch {
	p := pathLine(path)
	if p != "" {
		p += "\n"
	}
	return &Mismatch{"Value does not match validator.\n" + p + "Value: " + Show(val) + "\nValidator: " + v.String()}
}

func pathLine(path string) string {
	if path == "" {
		return ""
	}
	return "Path: " + path
}

func sortedNames(o value.Object) []string {
	names := make([]string, 0, len(o))
	for k := range o {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}
