//go:build linux

package toolbox

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

// maxPipe is the most that a pipe can hold.
const maxPipe = 1 << 20

// makeFIFO makes a FIFO that the processes of job j may open, also by such
// names as /dev/stderr, and no others of the user.
func (s *Server) makeFIFO(path string, j job) error {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	return s.cfg.Account.give(path, j, 0o660)
}

// output reads one stream of a command out of its FIFO into the log. The
// command writes into a pipe and not into the log itself, so what is in the
// log can't be changed by anybody.
//
// Writers hold the FIFO open for reading too: while there is no server they
// wait, and are not ended by SIGPIPE.
type output struct {
	stream logstream.Stream
	path   string
	to     *commandLog
	log    *slog.Logger
	// turn is held from reading a piece until it is in the log; both outputs
	// of a command share it. before is the other one, if what is waiting there
	// goes into the log before what is read here.
	turn   *sync.Mutex
	before *output

	file   *os.File
	raw    syscall.RawConn
	ended  chan struct{} // closed when the reader of file has stopped
	failed bool          // told once that the log can't be written
}

// open begins to read.
func (o *output) open() error { return o.reopen(os.O_RDWR) }

// reopen reads anew, with flag os.O_RDONLY until nobody can write any more.
func (o *output) reopen(flag int) error {
	// Without waiting for writers.
	f, err := os.OpenFile(o.path, flag|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		_ = f.Close()
		return err
	}
	o.turn.Lock()
	old := o.file
	o.file, o.raw, o.ended = f, raw, make(chan struct{})
	o.turn.Unlock()
	if old != nil {
		_ = old.Close() // a reading end
	}
	go o.run(raw, o.ended)
	return nil
}

// run reads until the end, a deadline or a close.
func (o *output) run(raw syscall.RawConn, ended chan struct{}) {
	defer close(ended)
	buf := make([]byte, frameLen)
	for {
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			o.turn.Lock()
			defer o.turn.Unlock()
			if o.before != nil {
				_ = o.before.raw.Control(o.before.take) // closed: nothing waits
			}
			_, rerr = o.piece(fd, buf)
			return !errors.Is(rerr, unix.EAGAIN)
		})
		if err != nil || rerr != nil {
			return
		}
	}
}

// piece moves one piece from the pipe into the log, if one is there; io.EOF
// says that nobody can write. turn is held.
func (o *output) piece(fd uintptr, buf []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		if err := o.to.append(o.stream, buf[:n]); err != nil && !o.failed {
			o.failed = true // what comes is read on, else the command would hang
			o.log.Warn("output not kept", "log", o.to.path, "err", err)
		}
		return n, nil
	}
}

// take moves into the log what is in the pipe now. turn is held.
func (o *output) take(fd uintptr) {
	buf := make([]byte, frameLen)
	for left := maxPipe; left > 0; {
		n, err := o.piece(fd, buf)
		if err != nil {
			return
		}
		left -= n
	}
}

// drain moves into the log what is in the pipe now and stops.
func (o *output) drain() error {
	if err := o.file.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return err
	}
	<-o.ended
	o.turn.Lock()
	defer o.turn.Unlock()
	return o.raw.Control(o.take)
}

// close stops reading.
func (o *output) close() {
	if o.file != nil {
		_ = o.file.Close() // a reading end
		<-o.ended
	}
}

// pipe makes a pipe for the output of a command that is waited for: r reads,
// and w is the command's. The caller removes the FIFO at path in the end.
func (s *Server) pipe(path string, j job) (r, w *os.File, err error) {
	if err := s.makeFIFO(path, j); err != nil {
		return nil, nil, err
	}
	if r, err = os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
		return nil, nil, err
	}
	// Not by package os, which would have the command's end not block either.
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = r.Close()
		return nil, nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return r, os.NewFile(uintptr(fd), path), nil
}

// collect reads r into out until its end, or until wait after ended: what
// outlives a command may keep its output open.
func collect(out io.Writer, r *os.File, ended <-chan struct{}, wait time.Duration) {
	read := make(chan struct{}) // closed when there is no more
	go func() {
		defer close(read)
		_, _ = io.Copy(out, r) // ends by its end or by the close below
	}()
	<-ended
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-read:
	case <-t.C:
	}
	_ = r.Close()
	<-read
}
