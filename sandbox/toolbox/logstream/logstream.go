// Package logstream is the form in which a command's two output streams travel
// as one: in Daytona's toolbox API three bytes 01 01 01 say that what follows
// is standard output, 02 02 02 that it is standard error. The server encodes,
// the client decodes; sandbox/toolbox and sandbox/daytona share this package.
//
// The form has no escape: output that holds three such bytes in a row is taken
// for a marker. The API's split answer has each stream by itself, and readers
// who need every byte ask for that.
package logstream

import (
	"bytes"
	"unicode/utf8"
)

// Stream is one of the two outputs; its value is the byte of its marker.
type Stream byte

// The streams.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// MarkerLen is the length of a marker in bytes.
const MarkerLen = 3

// AppendMarker appends the marker of s.
func AppendMarker(dst []byte, s Stream) []byte {
	return append(dst, byte(s), byte(s), byte(s))
}

// Decoder splits a marked stream that arrives in pieces; a marker may be cut
// anywhere. The zero value is ready. Bytes before the first marker count as
// standard output: some servers send plain text without any.
type Decoder struct {
	stream Stream
	// held is the start of what may become a marker: one or two equal bytes.
	held []byte
}

// Write calls emit for each run of bytes of one stream in p. The slices are
// valid during the call only.
func (d *Decoder) Write(p []byte, emit func(Stream, []byte)) {
	if d.stream == 0 {
		d.stream = Stdout
	}
	if len(d.held) > 0 {
		p = append(d.held, p...)
		d.held = nil
	}
	start := 0
	for i := 0; i < len(p); {
		b := p[i]
		if b != byte(Stdout) && b != byte(Stderr) {
			i++
			continue
		}
		n := 1
		for n < MarkerLen && i+n < len(p) && p[i+n] == b {
			n++
		}
		switch {
		case n == MarkerLen:
			d.send(p[start:i], emit)
			d.stream = Stream(b)
			i += MarkerLen
			start = i
		case i+n == len(p):
			d.send(p[start:i], emit)
			d.held = bytes.Clone(p[i:])
			return
		default:
			i += n
		}
	}
	d.send(p[start:], emit)
}

// Close emits what looked like the start of a marker and was none.
func (d *Decoder) Close(emit func(Stream, []byte)) {
	d.send(d.held, emit)
	d.held = nil
}

func (d *Decoder) send(p []byte, emit func(Stream, []byte)) {
	if len(p) > 0 {
		emit(d.stream, p)
	}
}

// Split decodes a whole log.
func Split(log []byte) (stdout, stderr []byte) {
	var d Decoder
	emit := func(s Stream, p []byte) {
		if s == Stderr {
			stderr = append(stderr, p...)
		} else {
			stdout = append(stdout, p...)
		}
	}
	d.Write(log, emit)
	d.Close(emit)
	return stdout, stderr
}

// CutUTF8 returns how many bytes at the end of p begin a UTF-8 sequence that
// is not complete: a reader who decodes piece by piece wants them with the
// next piece. It is at most 3.
func CutUTF8(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		b := p[len(p)-n]
		if utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
