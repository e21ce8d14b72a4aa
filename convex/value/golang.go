package value

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
)

// Field is how a Go struct field takes part in a Convex object.
type Field struct {
	// Name is the field's name in the object.
	Name string
	// Index leads to the Go field, through embedded structs.
	Index []int
	// Optional is set for pointers and for omitempty: the field may be absent.
	Optional bool
	// OmitEmpty is set when the field is left out if it has its zero value.
	OmitEmpty bool
	// Type is the Go type of the field.
	Type reflect.Type
}

// fieldCache maps reflect.Type to []Field: plans are the same for every use.
var fieldCache sync.Map

// FieldsOf returns the fields of a struct type by its json tags, embedded
// structs without a name flattened. A pointer or omitempty makes a field
// optional.
func FieldsOf(t reflect.Type) []Field {
	if f, ok := fieldCache.Load(t); ok {
		return f.([]Field)
	}
	f := fieldsOf(t, nil)
	fieldCache.Store(t, f)
	return f
}

func fieldsOf(t reflect.Type, index []int) []Field {
	var fields []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, rest, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "-" && rest == "" {
			continue
		}
		at := append(append([]int(nil), index...), i)
		if sf.Anonymous && name == "" && sf.Type.Kind() == reflect.Struct {
			fields = append(fields, fieldsOf(sf.Type, at)...)
			continue
		}
		if !sf.IsExported() {
			continue
		}
		if name == "" {
			name = sf.Name
		}
		omit := hasOption(rest, "omitempty") || hasOption(rest, "omitzero")
		fields = append(fields, Field{
			Name:      name,
			Index:     at,
			Optional:  omit || sf.Type.Kind() == reflect.Pointer,
			OmitEmpty: omit,
			Type:      sf.Type,
		})
	}
	return fields
}

func hasOption(options, name string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o == name {
			return true
		}
	}
	return false
}

var rawMessageType = reflect.TypeFor[json.RawMessage]()

// FromGo turns a Go value into a Value. Structs become objects by their json
// tags; a nil pointer field is absent, and so is an empty field tagged
// omitempty; a nil slice is an empty array and a nil map an empty object; nil
// at the top is null. All Go integers and floats become numbers, Int64 a
// bigint, []byte bytes, json.RawMessage what it says in the wire form.
func FromGo(v any) (Value, error) {
	switch x := v.(type) {
	case nil, bool, float64, Int64, string, undefined:
		return x, nil
	}
	return fromGo(reflect.ValueOf(v))
}

func fromGo(v reflect.Value) (Value, error) {
	if !v.IsValid() {
		return nil, nil
	}
	t := v.Type()
	switch t.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if t == reflect.TypeFor[Int64]() {
			return Int64(v.Int()), nil
		}
		return float64(v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return float64(v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		return fromGo(v.Elem())
	case reflect.Slice, reflect.Array:
		return fromGoSlice(v, t)
	case reflect.Map:
		return fromGoMap(v, t)
	case reflect.Struct:
		if t == reflect.TypeFor[undefined]() {
			return Undefined, nil
		}
		return fromGoStruct(v, t)
	default:
		return nil, fmt.Errorf("%s is not a Convex value", t)
	}
}

func fromGoSlice(v reflect.Value, t reflect.Type) (Value, error) {
	if t == rawMessageType {
		if v.Len() == 0 {
			return nil, nil
		}
		return Decode(v.Bytes())
	}
	if t.Elem().Kind() == reflect.Uint8 && t.Kind() == reflect.Slice {
		return append([]byte{}, v.Bytes()...), nil
	}
	out := make(Array, v.Len())
	for i := range out {
		e, err := fromGo(v.Index(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		out[i] = e
	}
	return out, nil
}

func fromGoMap(v reflect.Value, t reflect.Type) (Value, error) {
	if t.Key().Kind() != reflect.String {
		return nil, fmt.Errorf("%s is not a Convex value: keys must be strings", t)
	}
	out := make(Object, v.Len())
	for it := v.MapRange(); it.Next(); {
		e, err := fromGo(it.Value())
		if err != nil {
			return nil, fmt.Errorf(".%s: %w", it.Key(), err)
		}
		out[it.Key().String()] = e
	}
	return out, nil
}

func fromGoStruct(v reflect.Value, t reflect.Type) (Value, error) {
	out := make(Object, t.NumField())
	for _, f := range FieldsOf(t) {
		fv := v.FieldByIndex(f.Index)
		if f.OmitEmpty && isEmpty(fv) || fv.Kind() == reflect.Pointer && fv.IsNil() {
			continue
		}
		e, err := fromGo(fv)
		if err != nil {
			return nil, fmt.Errorf(".%s: %w", f.Name, err)
		}
		out[f.Name] = e
	}
	return out, nil
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

// ToGo stores v into the variable that dst points to, the inverse of FromGo.
// Fields that are absent leave the zero value; fields that the Go struct lacks
// are ignored. It fails where a value does not fit, as 1.5 into an int.
func ToGo(v Value, dst any) error {
	d := reflect.ValueOf(dst)
	if d.Kind() != reflect.Pointer || d.IsNil() {
		return fmt.Errorf("decode into %T: a pointer is needed", dst)
	}
	return toGo(v, d.Elem())
}

func toGo(v Value, dst reflect.Value) error {
	t := dst.Type()
	switch t.Kind() {
	case reflect.Interface:
		return toGoInterface(v, dst, t)
	case reflect.Pointer:
		if v == nil {
			dst.SetZero()
			return nil
		}
		p := reflect.New(t.Elem())
		if err := toGo(v, p.Elem()); err != nil {
			return err
		}
		dst.Set(p)
		return nil
	}
	if t == rawMessageType {
		b, err := Encode(v)
		if err != nil {
			return err
		}
		dst.SetBytes(b)
		return nil
	}
	switch x := v.(type) {
	case nil:
		dst.SetZero()
		return nil
	case bool:
		if t.Kind() == reflect.Bool {
			dst.SetBool(x)
			return nil
		}
	case string:
		if t.Kind() == reflect.String {
			dst.SetString(x)
			return nil
		}
	case float64:
		return toGoNumber(x, dst, t)
	case Int64:
		if t.Kind() == reflect.Int64 {
			dst.SetInt(int64(x))
			return nil
		}
	case []byte:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			dst.SetBytes(append([]byte{}, x...))
			return nil
		}
	case Array:
		return toGoArray(x, dst, t)
	case Object:
		return toGoObject(x, dst, t)
	}
	return fmt.Errorf("%T does not fit into %s", v, t)
}

func toGoInterface(v Value, dst reflect.Value, t reflect.Type) error {
	if v == nil {
		dst.SetZero()
		return nil
	}
	if t.NumMethod() != 0 {
		return fmt.Errorf("%T does not fit into %s", v, t)
	}
	dst.Set(reflect.ValueOf(v))
	return nil
}

func toGoNumber(x float64, dst reflect.Value, t reflect.Type) error {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		dst.SetFloat(x)
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if t == reflect.TypeFor[Int64]() {
			break
		}
		if x != math.Trunc(x) || math.Abs(x) > 1<<63-1024 || dst.OverflowInt(int64(x)) {
			return fmt.Errorf("%v does not fit into %s", x, t)
		}
		dst.SetInt(int64(x))
		return nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if x != math.Trunc(x) || x < 0 || x > 1<<63 || dst.OverflowUint(uint64(x)) {
			return fmt.Errorf("%v does not fit into %s", x, t)
		}
		dst.SetUint(uint64(x))
		return nil
	}
	return fmt.Errorf("a number does not fit into %s", t)
}

func toGoArray(x Array, dst reflect.Value, t reflect.Type) error {
	if t.Kind() != reflect.Slice || t.Elem().Kind() == reflect.Uint8 {
		return fmt.Errorf("an array does not fit into %s", t)
	}
	s := reflect.MakeSlice(t, len(x), len(x))
	for i, e := range x {
		if err := toGo(e, s.Index(i)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	dst.Set(s)
	return nil
}

func toGoObject(x Object, dst reflect.Value, t reflect.Type) error {
	switch t.Kind() {
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return fmt.Errorf("an object does not fit into %s", t)
		}
		m := reflect.MakeMapWithSize(t, len(x))
		for k, e := range x {
			ev := reflect.New(t.Elem()).Elem()
			if err := toGo(e, ev); err != nil {
				return fmt.Errorf(".%s: %w", k, err)
			}
			m.SetMapIndex(reflect.ValueOf(k).Convert(t.Key()), ev)
		}
		dst.Set(m)
		return nil
	case reflect.Struct:
		for _, f := range FieldsOf(t) {
			e, ok := x[f.Name]
			if !ok {
				continue
			}
			if err := toGo(e, dst.FieldByIndex(f.Index)); err != nil {
				return fmt.Errorf(".%s: %w", f.Name, err)
			}
		}
		return nil
	default:
		return fmt.Errorf("an object does not fit into %s", t)
	}
}
