package value

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// Limits on values, as official servers have them.
const (
	// MaxDepth is how deep arrays and objects may nest.
	MaxDepth = 64
	// MaxArrayLen is how many elements an array may have.
	MaxArrayLen = 8192
	// MaxFields is how many fields an object may have.
	MaxFields = 1024
	// MaxFieldName is the longest field name, in characters.
	MaxFieldName = 1024
)

// Append appends the canonical JSON form of v to dst: fields sorted by name,
// no white space. Equal values have equal encodings. It fails for Go values
// that are no Convex values, for names that clients would refuse, and beyond
// the limits of size and depth.
func Append(dst []byte, v Value) ([]byte, error) { return appendJSON(dst, v, 0) }

// Encode returns the canonical JSON form of v; see Append.
func Encode(v Value) ([]byte, error) { return Append(nil, v) }

func appendJSON(dst []byte, v Value, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("value is nested too deeply (maximum depth %d)", MaxDepth)
	}
	switch x := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, x), nil
	case float64:
		return appendFloat(dst, x), nil
	case Int64:
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(x))
		return appendSpecial(dst, "$integer", b[:]), nil
	case string:
		return appendString(dst, x), nil
	case []byte:
		return appendSpecial(dst, "$bytes", x), nil
	case Array:
		if len(x) > MaxArrayLen {
			return nil, fmt.Errorf("array is too long (%d > maximum %d)", len(x), MaxArrayLen)
		}
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendJSON(dst, e, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case Object:
		if len(x) > MaxFields {
			return nil, fmt.Errorf("object has too many fields (%d > maximum %d)", len(x), MaxFields)
		}
		dst = append(dst, '{')
		for i, k := range sortedKeys(x) {
			if err := CheckFieldName(k); err != nil {
				return nil, err
			}
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, k), ':')
			var err error
			if dst, err = appendJSON(dst, x[k], depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	default:
		return nil, fmt.Errorf("%T is not a Convex value", v)
	}
}

// CheckFieldName says whether name may be a field of an object: at most
// MaxFieldName printable ASCII characters, not starting with "$".
func CheckFieldName(name string) error {
	if len(name) > MaxFieldName {
		return fmt.Errorf("field name is too long (%d > maximum %d)", len(name), MaxFieldName)
	}
	if name != "" && name[0] == '$' {
		return fmt.Errorf("field name %q starts with '$', which is reserved", name)
	}
	for i := range len(name) {
		if name[i] < 32 || name[i] > 126 {
			return fmt.Errorf("field name %q has a character that is not printable ASCII", name)
		}
	}
	return nil
}

func appendFloat(dst []byte, f float64) []byte {
	if isSpecialFloat(f) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(f))
		return appendSpecial(dst, "$float", b[:])
	}
	// Whole numbers below 2^53 in full, like JavaScript; else the shortest form.
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.AppendInt(dst, int64(f), 10)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

func isSpecialFloat(f float64) bool {
	return math.IsNaN(f) || math.IsInf(f, 0) || f == 0 && math.Signbit(f)
}

func appendSpecial(dst []byte, name string, b []byte) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, `"}`...)
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Bytes that are no UTF-8 become
// U+FFFD: a client would refuse the frame otherwise.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\ufffd"...)
			start = i + 1
		}
		i += n
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// EncodeClean returns v in the one-way JSON form that people and scripts read
// most easily: bigints as decimal strings, bytes as base64, NaN and the
// infinities as strings.
func EncodeClean(v Value) ([]byte, error) {
	c, err := clean(v)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

func clean(v Value) (any, error) {
	switch x := v.(type) {
	case nil, bool, string:
		return x, nil
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN", nil
		case math.IsInf(x, 1):
			return "Infinity", nil
		case math.IsInf(x, -1):
			return "-Infinity", nil
		default:
			return json.RawMessage(appendFloat(nil, x+0)), nil
		}
	case Int64:
		return strconv.FormatInt(int64(x), 10), nil
	case []byte:
		return base64.StdEncoding.EncodeToString(x), nil
	case Array:
		out := make([]any, len(x))
		for i, e := range x {
			c, err := clean(e)
			if err != nil {
				return nil, err
			}
			out[i] = c
		}
		return out, nil
	case Object:
		out := make(map[string]any, len(x))
		for k, e := range x {
			c, err := clean(e)
			if err != nil {
				return nil, err
			}
			out[k] = c
		}
		return out, nil
	default:
		return nil, fmt.Errorf("%T is not a Convex value", v)
	}
}
