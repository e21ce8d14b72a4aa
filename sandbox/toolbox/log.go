//go:build linux

package toolbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

// recordHead is the length of what stands before each piece of output in a
// log: one byte for the stream, four for the length.
const recordHead = 5

// commandLog is the output of one command: a file of the server's alone, in
// which the pieces of both streams stand in the order in which they came.
type commandLog struct {
	path  string
	limit int64 // bytes kept of each stream

	mu    sync.Mutex
	file  *os.File // nil until the first write
	size  int64    // of the file, whole records only
	kept  [3]int64 // by stream
	ended bool
	// changed is closed and replaced when size or ended change; readers wait
	// for it.
	changed chan struct{}
}

func newCommandLog(path string, limit int64) *commandLog {
	return &commandLog{path: path, limit: limit, changed: make(chan struct{})}
}

// load takes up the log that an earlier server wrote. A record that a crash
// cut short is cut off.
func (l *commandLog) load() error {
	f, err := os.OpenFile(l.path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := f.Stat()
	for err == nil {
		s, n, herr := readHead(f, l.size)
		if errors.Is(herr, io.EOF) || l.size+recordHead+n > info.Size() {
			break
		}
		if err = herr; err == nil {
			l.size += recordHead + n
			l.kept[s] += n
		}
	}
	if err == nil {
		err = f.Truncate(l.size)
	}
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("%s: %w", l.path, err)
	}
	l.file = f
	return nil
}

// readHead reads the head of the record at an offset; io.EOF says that there is
// none.
func readHead(f *os.File, at int64) (s logstream.Stream, n int64, err error) {
	var head [recordHead]byte
	if _, err := f.ReadAt(head[:], at); err != nil {
		return 0, 0, err
	}
	s = logstream.Stream(head[0])
	if s != logstream.Stdout && s != logstream.Stderr {
		return 0, 0, fmt.Errorf("no such stream: %d", s)
	}
	return s, int64(binary.BigEndian.Uint32(head[1:])), nil
}

// append adds a piece of output; what goes over the limit is dropped.
func (l *commandLog) append(s logstream.Stream, p []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p = p[:min(int64(len(p)), l.limit-l.kept[s])]
	if len(p) == 0 {
		return nil
	}
	if l.file == nil {
		f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		l.file = f
	}
	record := binary.BigEndian.AppendUint32([]byte{byte(s)}, uint32(len(p)))
	// Half a record (the disk is full) is written over by the next one.
	if _, err := l.file.WriteAt(append(record, p...), l.size); err != nil {
		return err
	}
	l.size += recordHead + int64(len(p))
	l.kept[s] += int64(len(p))
	l.wake()
	return nil
}

// wake tells the readers; l.mu is held.
func (l *commandLog) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// end says that readers need not wait for more.
func (l *commandLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.wake()
}

// close lets go of the file. Readers have their own.
func (l *commandLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close() // it is written through
		l.file = nil
	}
}

// logReader reads a log from its beginning, both streams in order.
type logReader struct {
	log    *commandLog
	file   *os.File // nil until there is something
	at     int64
	stream logstream.Stream
	left   int64 // of the record that is being read
	buf    []byte
}

func (l *commandLog) reader(chunk int) *logReader {
	return &logReader{log: l, buf: make([]byte, chunk)}
}

func (r *logReader) close() {
	if r.file != nil {
		_ = r.file.Close() // read only
	}
}

// read returns the next piece of one stream, at most as long as the buffer.
// At the end of what there is it returns io.EOF when the command has ended,
// else a channel that is closed when there is more.
func (r *logReader) read() (s logstream.Stream, p []byte, more <-chan struct{}, err error) {
	r.log.mu.Lock()
	size, ended, changed := r.log.size, r.log.ended, r.log.changed
	r.log.mu.Unlock()
	if r.at == size {
		if ended {
			return 0, nil, nil, io.EOF
		}
		return 0, nil, changed, nil
	}
	if r.file == nil {
		if r.file, err = os.Open(r.log.path); err != nil {
			return 0, nil, nil, err
		}
	}
	if r.left == 0 {
		if r.stream, r.left, err = readHead(r.file, r.at); err != nil {
			return 0, nil, nil, fmt.Errorf("read log: %w", err)
		}
		r.at += recordHead
	}
	n, err := r.file.ReadAt(r.buf[:min(r.left, int64(len(r.buf)))], r.at)
	if n == 0 {
		return 0, nil, nil, fmt.Errorf("read log: %w", err)
	}
	r.at, r.left = r.at+int64(n), r.left-int64(n)
	return r.stream, r.buf[:n], nil, nil
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
