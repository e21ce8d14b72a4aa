//go:build linux

package toolbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// statusReader reads a session's status file as it grows. The session's shell
// writes it, so its lines are claims of the user's own code about itself.
type statusReader struct {
	path string
	at   int64
}

// commandEnd is one line of it.
type commandEnd struct{ n, code int }

// read returns the lines that are new and whole.
func (r *statusReader) read() ([]commandEnd, error) {
	f, err := os.Open(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // the session is being deleted
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var ends []commandEnd
	buf := make([]byte, 4<<10)
	for {
		n, err := f.ReadAt(buf, r.at)
		if err != nil && !errors.Is(err, io.EOF) {
			return ends, err
		}
		last := bytes.LastIndexByte(buf[:n], '\n') + 1
		if last == 0 {
			if n == len(buf) {
				r.at += int64(n) // no line of ours
				continue
			}
			return ends, nil
		}
		for line := range strings.Lines(string(buf[:last])) {
			var e commandEnd
			if k, err := fmt.Sscanf(line, "%d %d\n", &e.n, &e.code); err == nil && k == 2 {
				ends = append(ends, e)
			}
		}
		r.at += int64(last)
	}
}
