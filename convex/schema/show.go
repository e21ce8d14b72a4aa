package schema

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"surgent.dev/surgent/convex/value"
)

// maxShown bounds the text of one value in an error.
const maxShown = 4096

// Show returns val as error texts show values: numbers always with a point,
// bigints with an n, names of fields without quotes where they are identifiers.
// Very long texts are cut.
func Show(val value.Value) string {
	var b strings.Builder
	show(&b, val)
	if b.Len() > maxShown {
		return strings.ToValidUTF8(b.String()[:maxShown], "") + "…"
	}
	return b.String()
}

func show(b *strings.Builder, val value.Value) {
	if b.Len() > maxShown {
		return
	}
	switch x := val.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(x))
	case float64:
		b.WriteString(showFloat(x))
	case value.Int64:
		b.WriteString(strconv.FormatInt(int64(x), 10) + "n")
	case string:
		b.WriteString(strconv.Quote(x))
	case []byte:
		fmt.Fprintf(b, "b%q", x)
	case value.Array:
		b.WriteByte('[')
		for i, e := range x {
			if i > 0 {
				b.WriteString(", ")
			}
			show(b, e)
		}
		b.WriteByte(']')
	case value.Object:
		b.WriteByte('{')
		for i, k := range sortedNames(x) {
			if i > 0 {
				b.WriteString(", ")
			}
			if IsIdentifier(k) {
				b.WriteString(k)
			} else {
				b.WriteString(strconv.Quote(k))
			}
			b.WriteString(": ")
			show(b, x[k])
		}
		b.WriteByte('}')
	default:
		fmt.Fprintf(b, "%v", val)
	}
}

func showFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == math.Trunc(f) && math.Abs(f) < 1e16:
		return strconv.FormatFloat(f, 'f', 1, 64)
	default:
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
}

// IsIdentifier reports whether s may name a table or a field of a document:
// letters, digits and underscores, starting with a letter.
func IsIdentifier(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9' || c == '_'
		if !letter && (i == 0 || !digit) {
			return false
		}
	}
	return true
}
