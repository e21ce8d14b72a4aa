package value

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Decode parses the JSON form of a value. It refuses what Append would not
// write: ordinary numbers in $float, unknown $-forms, names that are reserved.
// Text that is no UTF-8 becomes U+FFFD, and so do halves of surrogate pairs.
func Decode(data []byte) (Value, error) {
	p := parser{data: data}
	v, err := p.value(0)
	if err != nil {
		return nil, fmt.Errorf("parse value at byte %d: %w", p.at, err)
	}
	if p.space(); p.at < len(data) {
		return nil, fmt.Errorf("parse value at byte %d: text after the value", p.at)
	}
	return v, nil
}

var (
	errEnd    = errors.New("the text ends too early")
	errSyntax = errors.New("not JSON")
)

// parser reads JSON from left to right. It exists because every document that
// is read goes through here, and encoding/json takes several times as long for
// the same result.
type parser struct {
	data []byte
	at   int
}

func (p *parser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek returns the next byte after white space, 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.at == len(p.data) {
		return 0
	}
	return p.data[p.at]
}

func (p *parser) value(depth int) (Value, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("value is nested too deeply (maximum depth %d)", MaxDepth)
	}
	switch c := p.peek(); {
	case c == '{':
		p.at++
		return p.object(depth)
	case c == '[':
		p.at++
		return p.array(depth)
	case c == '"':
		p.at++
		return p.string()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		return true, p.word("true")
	case c == 'f':
		return false, p.word("false")
	case c == 'n':
		return nil, p.word("null")
	case c == 0 && p.at == len(p.data):
		return nil, errEnd
	default:
		return nil, errSyntax
	}
}

func (p *parser) word(w string) error {
	if len(p.data)-p.at < len(w) || string(p.data[p.at:p.at+len(w)]) != w {
		return errSyntax
	}
	p.at += len(w)
	return nil
}

func (p *parser) array(depth int) (Value, error) {
	out := Array{}
	if p.peek() == ']' {
		p.at++
		return out, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if out = append(out, v); len(out) > MaxArrayLen {
			return nil, fmt.Errorf("array is too long (more than %d)", MaxArrayLen)
		}
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return out, nil
		default:
			return nil, errSyntax
		}
	}
}

func (p *parser) object(depth int) (Value, error) {
	out := Object{}
	if p.peek() == '}' {
		p.at++
		return out, nil
	}
	special := "" // a name that starts with $, which must stand alone
	for {
		if p.peek() != '"' {
			return nil, errSyntax
		}
		p.at++
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if name != "" && name[0] == '$' {
			special = name
		} else if err := CheckFieldName(name); err != nil {
			return nil, err
		}
		if p.peek() != ':' {
			return nil, errSyntax
		}
		p.at++
		if out[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if len(out) > MaxFields {
			return nil, fmt.Errorf("object has too many fields (more than %d)", MaxFields)
		}
		switch p.peek() {
		case ',':
			p.at++
			continue
		case '}':
			p.at++
		default:
			return nil, errSyntax
		}
		switch {
		case special == "":
			return out, nil
		case len(out) == 1:
			return decodeSpecial(special, out[special])
		default:
			return nil, CheckFieldName(special)
		}
	}
}

// string reads up to the closing quote; the opening one is read.
func (p *parser) string() (string, error) {
	start := p.at
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			s := p.data[start:p.at]
			p.at++
			return validText(s), nil
		case c == '\\':
			return p.escapedString(start)
		case c < ' ':
			return "", errSyntax
		default:
			p.at++
		}
	}
	return "", errEnd
}

func validText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out.WriteRune(r) // U+FFFD for each byte that is none
		b = b[n:]
	}
	return out.String()
}

// escapedString goes on with a string that has a backslash at p.at.
func (p *parser) escapedString(start int) (string, error) {
	out := make([]byte, 0, p.at-start+32)
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			out = append(out, p.data[start:p.at]...)
			p.at++
			return validText(out), nil
		case c == '\\':
			out = append(out, p.data[start:p.at]...)
			p.at++
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
			start = p.at
		case c < ' ':
			return "", errSyntax
		default:
			p.at++
		}
	}
	return "", errEnd
}

// escape reads what follows a backslash and appends what it stands for.
func (p *parser) escape(out []byte) ([]byte, error) {
	if p.at == len(p.data) {
		return nil, errEnd
	}
	c := p.data[p.at]
	p.at++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		r, err := p.hex()
		if err != nil {
			return nil, err
		}
		if utf16.IsSurrogate(r) {
			r = p.lowSurrogate(r)
		}
		return utf8.AppendRune(out, r), nil
	default:
		return nil, errSyntax
	}
}

func (p *parser) hex() (rune, error) {
	if len(p.data)-p.at < 4 {
		return 0, errEnd
	}
	n, err := strconv.ParseUint(string(p.data[p.at:p.at+4]), 16, 16)
	if err != nil {
		return 0, errSyntax
	}
	p.at += 4
	return rune(n), nil
}

// lowSurrogate completes a pair, or gives U+FFFD and leaves what follows.
func (p *parser) lowSurrogate(high rune) rune {
	rest := p.data[p.at:]
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return utf8.RuneError
	}
	low, err := strconv.ParseUint(string(rest[2:6]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	r := utf16.DecodeRune(high, rune(low))
	if r != utf8.RuneError {
		p.at += 6
	}
	return r
}

func (p *parser) number() (Value, error) {
	start := p.at
	if p.data[p.at] == '-' {
		p.at++
	}
	whole := p.digits()
	if whole == 0 || whole > 1 && p.data[p.at-whole] == '0' {
		return nil, errSyntax
	}
	if p.at < len(p.data) && p.data[p.at] == '.' {
		p.at++
		if p.digits() == 0 {
			return nil, errSyntax
		}
	}
	if p.at < len(p.data) && (p.data[p.at] == 'e' || p.data[p.at] == 'E') {
		p.at++
		if p.at < len(p.data) && (p.data[p.at] == '+' || p.data[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return nil, errSyntax
		}
	}
	f, err := strconv.ParseFloat(string(p.data[start:p.at]), 64)
	if err != nil {
		return nil, errors.New("number is out of range")
	}
	return f, nil
}

// digits skips digits and returns how many.
func (p *parser) digits() int {
	start := p.at
	for p.at < len(p.data) && p.data[p.at] >= '0' && p.data[p.at] <= '9' {
		p.at++
	}
	return p.at - start
}

func decodeSpecial(name string, raw Value) (Value, error) {
	text, ok := raw.(string)
	if !ok {
		return nil, fmt.Errorf("%s must hold a string", name)
	}
	switch name {
	case "$integer", "$float", "$bytes":
	default:
		return nil, fmt.Errorf("%s is not a kind of value", name)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	if name == "$bytes" {
		return b, nil
	}
	if len(b) != 8 {
		return nil, fmt.Errorf("%s must hold 8 bytes, not %d", name, len(b))
	}
	bits := binary.LittleEndian.Uint64(b)
	if name == "$integer" {
		return Int64(bits), nil
	}
	f := math.Float64frombits(bits)
	if !isSpecialFloat(f) {
		return nil, errors.New("$float must hold NaN, an infinity or -0")
	}
	return f, nil
}
