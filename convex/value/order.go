package value

import (
	"encoding/binary"
	"strings"
)

// Tags of the order-preserving encoding. Their order is Compare's; tagEnd
// closes arrays and objects and sorts before every element.
const (
	tagEnd       = 0x00
	tagUndefined = 0x01
	tagNull      = 0x02
	tagInt64     = 0x03
	tagFloat64   = 0x04
	tagFalse     = 0x05
	tagTrue      = 0x06
	tagString    = 0x07
	tagBytes     = 0x08
	tagArray     = 0x09
	tagObject    = 0x0a
)

// AppendOrdered appends an encoding of v to dst that compares bytewise as
// Compare compares values. Encodings are self-delimiting: the concatenation of
// several compares as their tuple, and one is a prefix of a concatenation only
// when it encodes the tuple's first value. Undefined is allowed and sorts
// first.
func AppendOrdered(dst []byte, v Value) []byte {
	switch x := v.(type) {
	case undefined:
		return append(dst, tagUndefined)
	case nil:
		return append(dst, tagNull)
	case Int64:
		dst = append(dst, tagInt64)
		return binary.BigEndian.AppendUint64(dst, uint64(x)^(1<<63))
	case float64:
		dst = append(dst, tagFloat64)
		return binary.BigEndian.AppendUint64(dst, floatBits(x))
	case bool:
		if x {
			return append(dst, tagTrue)
		}
		return append(dst, tagFalse)
	case string:
		return appendEscaped(append(dst, tagString), x)
	case []byte:
		return appendEscaped(append(dst, tagBytes), string(x))
	case Array:
		dst = append(dst, tagArray)
		for _, e := range x {
			dst = AppendOrdered(dst, e)
		}
		return append(dst, tagEnd)
	case Object:
		dst = append(dst, tagObject)
		for _, k := range sortedKeys(x) {
			dst = appendEscaped(append(dst, tagString), k)
			dst = AppendOrdered(dst, x[k])
		}
		return append(dst, tagEnd)
	default:
		return dst
	}
}

// appendEscaped appends s so that no string's encoding is a prefix of
// another's: a zero byte becomes 00 ff, the end is 00 00.
func appendEscaped(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			break
		}
		dst = append(dst, s[:i]...)
		dst = append(dst, 0x00, 0xff)
		s = s[i+1:]
	}
	dst = append(dst, s...)
	return append(dst, 0x00, 0x00)
}
