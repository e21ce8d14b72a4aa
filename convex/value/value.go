package value

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
)

// Value is a Convex value: nil, bool, float64, Int64, string, []byte, Array or
// Object. Values are treated as immutable once they are shared.
type Value = any

// Object is a Convex object. A key that is missing is what JavaScript calls
// undefined; a key whose value is nil is null.
type Object = map[string]any

// Array is a Convex array.
type Array = []any

// Int64 is the 64-bit integer, a bigint in JavaScript. Go's own integer types
// stand for ordinary numbers (float64) instead, because that is what clients
// send and expect for counts and times.
type Int64 int64

// ID is a document id in the form that NewID makes.
type ID = string

// Any is a Go field type for fields that take any value.
type Any = any

type undefined struct{}

// Undefined, as the value of a field in a patch, removes the field.
var Undefined Value = undefined{}

// IsUndefined reports whether v is Undefined.
func IsUndefined(v Value) bool {
	_, ok := v.(undefined)
	return ok
}

// The order of values of different types.
const (
	rankNull = iota + 1
	rankInt64
	rankFloat64
	rankBool
	rankString
	rankBytes
	rankArray
	rankObject
)

func rank(v Value) int {
	switch v.(type) {
	case nil:
		return rankNull
	case Int64:
		return rankInt64
	case float64:
		return rankFloat64
	case bool:
		return rankBool
	case string:
		return rankString
	case []byte:
		return rankBytes
	case Array:
		return rankArray
	case Object:
		return rankObject
	default:
		return 0
	}
}

// Compare orders values as an index does: undefined, null, bigints, numbers,
// booleans, strings, bytes, arrays, objects. Numbers order by IEEE 754's total
// order, so that NaN and -0 have a place.
func Compare(a, b Value) int {
	ra, rb := rank(a), rank(b)
	if ra != rb {
		return cmp.Compare(ra, rb)
	}
	switch x := a.(type) {
	case Int64:
		return cmp.Compare(x, b.(Int64))
	case float64:
		return cmp.Compare(floatBits(x), floatBits(b.(float64)))
	case bool:
		return cmp.Compare(boolByte(x), boolByte(b.(bool)))
	case string:
		return strings.Compare(x, b.(string))
	case []byte:
		return bytes.Compare(x, b.([]byte))
	case Array:
		return slices.CompareFunc(x, b.(Array), Compare)
	case Object:
		return compareObjects(x, b.(Object))
	default:
		return 0
	}
}

// Equal reports whether a and b are the same value.
func Equal(a, b Value) bool { return Compare(a, b) == 0 }

func compareObjects(a, b Object) int {
	ka, kb := sortedKeys(a), sortedKeys(b)
	for i := range min(len(ka), len(kb)) {
		if c := strings.Compare(ka[i], kb[i]); c != 0 {
			return c
		}
		if c := Compare(a[ka[i]], b[kb[i]]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(ka), len(kb))
}

func sortedKeys(o Object) []string {
	keys := make([]string, 0, len(o))
	for k := range o {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// floatBits maps a float to an unsigned integer with the same order.
func floatBits(f float64) uint64 {
	bits := math.Float64bits(f)
	if bits&(1<<63) != 0 {
		return ^bits
	}
	return bits | 1<<63
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// Clone returns a deep copy of v.
func Clone(v Value) Value {
	switch x := v.(type) {
	case Array:
		c := make(Array, len(x))
		for i, e := range x {
			c[i] = Clone(e)
		}
		return c
	case Object:
		c := make(Object, len(x))
		for k, e := range x {
			c[k] = Clone(e)
		}
		return c
	case []byte:
		return bytes.Clone(x)
	default:
		return v
	}
}

// Size returns the size of v as limits count it: strings their length plus 2,
// numbers 9, null and booleans 1, arrays and objects 2 and their contents, a
// field's name its length plus 1.
func Size(v Value) int {
	switch x := v.(type) {
	case nil, bool:
		return 1
	case float64, Int64:
		return 9
	case string:
		return len(x) + 2
	case []byte:
		return len(x) + 2
	case Array:
		n := 2
		for _, e := range x {
			n += Size(e)
		}
		return n
	case Object:
		n := 2
		for k, e := range x {
			n += len(k) + 1 + Size(e)
		}
		return n
	default:
		return 0
	}
}
