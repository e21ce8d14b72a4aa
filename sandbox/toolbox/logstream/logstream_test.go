package logstream_test

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

func TestDecoderCutAnywhere(t *testing.T) {
	t.Parallel()
	var log []byte
	log = append(logstream.AppendMarker(log, logstream.Stdout), "one\x01\x01two"...)
	log = append(logstream.AppendMarker(log, logstream.Stderr), "bad\xff\n\x02"...)
	log = append(logstream.AppendMarker(log, logstream.Stdout), "three\x02\x02"...)
	wantOut, wantErr := "one\x01\x01twothree\x02\x02", "bad\xff\n\x02"

	for cut := range len(log) + 1 {
		var out, errs []byte
		emit := func(s logstream.Stream, p []byte) {
			if s == logstream.Stdout {
				out = append(out, p...)
			} else {
				errs = append(errs, p...)
			}
		}
		var d logstream.Decoder
		d.Write(log[:cut], emit)
		d.Write(log[cut:], emit)
		d.Close(emit)
		// A marker right behind a byte of its own kind moves by one: the
		// format is ambiguous there, so only the sum is fixed.
		if string(out) != wantOut || string(errs) != wantErr {
			t.Fatalf("cut at %d: stdout %q stderr %q", cut, out, errs)
		}
	}
}

func TestDecoderWithoutMarkers(t *testing.T) {
	t.Parallel()
	out, errs := logstream.Split([]byte("plain\n"))
	if string(out) != "plain\n" || errs != nil {
		t.Fatalf("got %q, %q", out, errs)
	}
}

// FuzzDecoder: however the bytes are cut, the streams are the same, and what
// holds no marker comes through unchanged.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("a\x01\x01\x01b\x02\x02\x02c"), uint8(3))
	f.Add([]byte("\x01\x01"), uint8(1))
	f.Add([]byte("\x02\x01\x02\x02\x02\x02\x01"), uint8(2))
	f.Fuzz(func(t *testing.T, log []byte, step uint8) {
		wantOut, wantErr := logstream.Split(log)
		var out, errs []byte
		emit := func(s logstream.Stream, p []byte) {
			if s == logstream.Stderr {
				errs = append(errs, p...)
			} else {
				out = append(out, p...)
			}
		}
		var d logstream.Decoder
		for rest := log; len(rest) > 0; {
			n := min(int(step)+1, len(rest))
			d.Write(rest[:n], emit)
			rest = rest[n:]
		}
		d.Close(emit)
		if !bytes.Equal(out, wantOut) || !bytes.Equal(errs, wantErr) {
			t.Fatalf("in steps of %d: %q %q; at once: %q %q", int(step)+1, out, errs, wantOut, wantErr)
		}
		if !bytes.Contains(log, []byte("\x01\x01\x01")) && !bytes.Contains(log, []byte("\x02\x02\x02")) && !bytes.Equal(out, log) {
			t.Fatalf("unmarked %q became %q", log, out)
		}
	})
}

func FuzzCutUTF8(f *testing.F) {
	f.Add([]byte("grün €"))
	f.Add([]byte{0xf0, 0x9f, 0x98})
	f.Add([]byte{0x80, 0x80, 0x80, 0x80})
	f.Fuzz(func(t *testing.T, p []byte) {
		n := logstream.CutUTF8(p)
		if n < 0 || n > 3 || n > len(p) {
			t.Fatalf("cut %d of %q", n, p)
		}
		if utf8.Valid(p) && n != 0 {
			t.Fatalf("cut %d off valid %q", n, p)
		}
		if n > 0 && utf8.FullRune(p[len(p)-n:]) {
			t.Fatalf("cut a full rune off %q", p)
		}
	})
}
