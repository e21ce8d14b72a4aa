//go:build linux

package toolbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

// A command writes its two streams straight into two files, so its output
// needs neither the server nor a pipe to it. In which order they grew stands
// in a third file, the index, as the server saw it: records of one byte for
// the stream and four for how many bytes it grew by.
const indexRecord = 5

// span is a run of bytes of one stream: [from, to) in its file.
type span struct {
	stream   logstream.Stream
	from, to int64
}

// commandLog is the output of one command.
type commandLog struct {
	dir   string // the folder that the command writes into
	index string
	limit int64 // bytes kept of each stream

	mu    sync.Mutex
	spans []span
	size  [3]int64 // by stream: what the spans cover
	ended bool
	// changed is closed and replaced when spans or ended change; readers wait
	// for it.
	changed chan struct{}
}

func newCommandLog(dir string, limit int64) *commandLog {
	return &commandLog{
		dir: filepath.Join(dir, "out"), index: filepath.Join(dir, "index"),
		limit: limit, changed: make(chan struct{}),
	}
}

func (l *commandLog) path(s logstream.Stream) string {
	if s == logstream.Stderr {
		return filepath.Join(l.dir, "stderr")
	}
	return filepath.Join(l.dir, "stdout")
}

// load reads the index that an earlier server wrote.
func (l *commandLog) load() error {
	data, err := os.ReadFile(l.index)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(data) >= indexRecord { // a record cut short by a crash is noted again
		s := logstream.Stream(data[0])
		if s != logstream.Stdout && s != logstream.Stderr {
			return fmt.Errorf("%s: no such stream %d", l.index, s)
		}
		l.grow(s, int64(binary.BigEndian.Uint32(data[1:])))
		data = data[indexRecord:]
	}
	return nil
}

// grow adds n bytes of s, as part of the newest span when it is of s.
func (l *commandLog) grow(s logstream.Stream, n int64) {
	from := l.size[s]
	l.size[s] += n
	if k := len(l.spans); k > 0 && l.spans[k-1].stream == s {
		l.spans[k-1].to += n
		return
	}
	l.spans = append(l.spans, span{stream: s, from: from, to: from + n})
}

// advance notes what the files grew by. What goes over the limit is cut off
// the file: the command appends, so it goes on writing at the cut.
func (l *commandLog) advance() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var records []byte
	for _, s := range []logstream.Stream{logstream.Stdout, logstream.Stderr} {
		info, err := os.Stat(l.path(s))
		if errors.Is(err, os.ErrNotExist) {
			continue // the shell has not begun the command yet
		}
		if err != nil {
			return err
		}
		size := info.Size()
		if size > l.limit {
			if err := os.Truncate(l.path(s), l.limit); err != nil {
				return err
			}
			size = l.limit
		}
		for n := size - l.size[s]; n > 0; {
			step := min(n, 1<<31)
			records = append(records, byte(s))
			records = binary.BigEndian.AppendUint32(records, uint32(step))
			l.grow(s, step)
			n -= step
		}
	}
	if len(records) == 0 {
		return nil
	}
	l.wake()
	f, err := os.OpenFile(l.index, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(records)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// wake tells the readers; l.mu is held.
func (l *commandLog) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// end says that nothing follows.
func (l *commandLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.wake()
}

// logReader reads a log from its beginning, both streams in order.
type logReader struct {
	log   *commandLog
	next  int   // span
	done  int64 // bytes read of it
	files [3]*os.File
	buf   []byte
}

func (l *commandLog) reader(chunk int) *logReader {
	return &logReader{log: l, buf: make([]byte, chunk)}
}

func (r *logReader) close() {
	for _, f := range r.files {
		if f != nil {
			_ = f.Close() // read only
		}
	}
}

// read returns the next piece of one stream, at most as long as the buffer.
// At the end of what there is it returns io.EOF when the command has ended,
// else a channel that is closed when there is more.
func (r *logReader) read() (s logstream.Stream, p []byte, more <-chan struct{}, err error) {
	l := r.log
	l.mu.Lock()
	for r.next < len(l.spans) && r.done == l.spans[r.next].to-l.spans[r.next].from {
		if r.next == len(l.spans)-1 {
			break // the newest span may still grow
		}
		r.next, r.done = r.next+1, 0
	}
	var sp span
	if r.next < len(l.spans) {
		sp = l.spans[r.next]
	}
	more, ended := l.changed, l.ended
	l.mu.Unlock()
	left := sp.to - sp.from - r.done
	if left == 0 {
		if ended {
			return 0, nil, nil, io.EOF
		}
		return 0, nil, more, nil
	}
	if r.files[sp.stream] == nil {
		if r.files[sp.stream], err = os.Open(l.path(sp.stream)); err != nil {
			return 0, nil, nil, err
		}
	}
	n, err := r.files[sp.stream].ReadAt(r.buf[:min(left, int64(len(r.buf)))], sp.from+r.done)
	if n == 0 {
		return 0, nil, nil, fmt.Errorf("read log: %w", err)
	}
	r.done += int64(n)
	return sp.stream, r.buf[:n], nil, nil
}

// follow calls emit for the log from its beginning on until the command has
// ended or ctx is done.
func (l *commandLog) follow(ctx context.Context, chunk int, emit func(logstream.Stream, []byte) error) error {
	r := l.reader(chunk)
	defer r.close()
	for {
		s, p, more, err := r.read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case more != nil:
			select {
			case <-more:
			case <-ctx.Done():
				return ctx.Err()
			}
		default:
			if err := emit(s, p); err != nil {
				return err
			}
		}
	}
}

// snapshot calls emit for what the log holds now.
func (l *commandLog) snapshot(emit func(logstream.Stream, []byte)) error {
	r := l.reader(256 << 10)
	defer r.close()
	for {
		s, p, more, err := r.read()
		if errors.Is(err, io.EOF) || more != nil {
			return nil
		}
		if err != nil {
			return err
		}
		emit(s, p)
	}
}
