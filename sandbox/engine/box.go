//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// boxesDir is the folder of boxes in the data folder.
const boxesDir = "boxes"

// boxOutput is how much of a program's output is kept.
const boxOutput = 64 << 10

// Program is what a Box runs.
type Program struct {
	Args []string // Args[0] is a path inside
	// Files are the host's files and folders that it sees, by their path
	// inside, read-only.
	Files  map[string]string
	Env    []string
	Memory int64   // bytes, for the program and what confines it
	CPUs   float64 // of one core, e.g. 0.5
}

// Box confines one program the way sandboxes are confined, without their
// tools: it sees the base's system files and those that it is given, writes at
// most 64 MiB, and reaches nothing but what Listen opens for it. Boxes end with
// the server. Its methods are safe for concurrent use.
type Box struct {
	e    *Engine
	id   string
	dir  string
	slot *slot

	mu        sync.Mutex
	started   bool
	closed    bool
	listeners []net.Listener
	run       run
	output    ring
	done      chan struct{} // closed by finish
	finish    sync.Once
}

// NewBox makes an empty box. The label is for logs. It waits for the base.
func (e *Engine) NewBox(ctx context.Context, label string) (*Box, error) {
	select {
	case <-e.opened:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if _, _, err := e.catalog.wait(ctx); err != nil {
		return nil, err
	}
	s, err := e.net.take()
	if err != nil {
		return nil, err
	}
	id := "box-" + uuid.NewString()
	b := &Box{e: e, id: id, dir: filepath.Join(e.cfg.DataDir, boxesDir, id), slot: s, done: make(chan struct{})}
	e.log.Debug("made a box", "box", id, "label", label)
	e.mu.Lock()
	e.boxes[b] = struct{}{}
	e.mu.Unlock()
	return b, nil
}

// Listen opens a port that only this box's program can connect to, and says at
// which address the program finds it. It comes before Start; Close closes the
// listener.
func (b *Box) Listen(ctx context.Context) (l net.Listener, inside string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	port := boxPorts + len(b.listeners)
	switch {
	case b.started || b.closed:
		return nil, "", errors.New("listen for box: it has started")
	case port > lastPort:
		return nil, "", fmt.Errorf("listen for box: at most %d listeners", lastPort-boxPorts+1)
	}
	l, err = b.slot.listen(ctx, port)
	if err != nil {
		return nil, "", err
	}
	b.listeners = append(b.listeners, l)
	return l, net.JoinHostPort(b.slot.gate.String(), strconv.Itoa(port)), nil
}

// Start runs the program, once. It returns when the program was started, which
// says nothing about how it does.
func (b *Box) Start(ctx context.Context, p Program) (err error) {
	b.mu.Lock()
	if b.started || b.closed {
		b.mu.Unlock()
		return errors.New("start box: it has started before")
	}
	b.started = true
	b.mu.Unlock()
	defer func() {
		if err != nil {
			b.end()
			err = fmt.Errorf("start box: %w", err)
		}
	}()
	root, _, err := b.e.catalog.wait(ctx)
	if err != nil {
		return err
	}
	k := container{
		id: b.id, bundle: filepath.Join(b.dir, "bundle"), overlay: filepath.Join(b.dir, "overlay"), disk: 64 << 20,
		log: filepath.Join(b.dir, "runsc.log"),
	}
	if err := os.MkdirAll(k.overlay, 0o700); err != nil {
		return err
	}
	if k.groups, err = b.e.groups.make(b.id, Limits{CPU: p.CPUs, Memory: p.Memory, PIDs: 256}); err != nil {
		return err
	}
	if err := writeBundle(k.bundle, process{
		root: root, args: p.Args, env: append([]string{"PATH=/usr/local/bin:/usr/bin:/bin"}, p.Env...), cwd: "/",
		uid: 65534, gid: 65534, hostname: "box", netns: b.slot.path(), mounts: readOnly(p.Files), memory: p.Memory,
	}); err != nil {
		return err
	}
	select {
	case b.e.starts <- struct{}{}:
		defer func() { <-b.e.starts }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	k.output = in
	pid, err := b.e.runsc.run(ctx, k, "")
	_ = in.Close() // the container has its own
	if err != nil {
		// What runsc had to say is in the pipe; nobody writes to it any more.
		_ = out.SetReadDeadline(time.Now().Add(time.Second))
		text, _ := io.ReadAll(out)
		_ = out.Close()
		return fmt.Errorf("%w: %s", err, tail(text, 600))
	}
	return b.follow(pid, out)
}

// follow watches the program that was started: what it writes and when it
// ends.
func (b *Box) follow(pid int, out *os.File) error {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		_ = out.Close()
		return err
	}
	b.mu.Lock()
	b.run = run{Container: b.id, PID: pid, StartTime: startTime(pid)}
	closed := b.closed
	b.mu.Unlock()
	read := make(chan struct{}) // closed when all output was read
	b.e.wg.Go(func() {
		defer close(read)
		buf := make([]byte, 8<<10)
		for {
			n, err := out.Read(buf)
			b.output.write(buf[:n])
			if err != nil {
				_ = out.Close()
				return
			}
		}
	})
	b.e.wg.Go(func() {
		waitPidfd(os.NewFile(uintptr(fd), "pidfd"))
		// Its last words are why it ended; whoever waits for the end asks for
		// them. What still holds the pipe goes with Close.
		last := time.NewTimer(time.Second)
		defer last.Stop()
		select {
		case <-read:
		case <-last.C:
		}
		b.end()
	})
	if closed {
		kill(b.run, 0)
	}
	return nil
}

// waitPidfd blocks until a process has ended, without holding a thread.
func waitPidfd(f *os.File) {
	defer func() { _ = f.Close() }()
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	// The error is that of a closed file, which nobody closes.
	_ = raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 || (err != nil && !errors.Is(err, unix.EINTR))
	})
}

// readOnly makes read-only mounts of host paths, parents first.
func readOnly(files map[string]string) []specs.Mount {
	var mounts []specs.Mount
	for inside, outside := range files {
		mounts = append(mounts, specs.Mount{
			Destination: inside, Type: "bind", Source: outside,
			Options: []string{"rbind", "ro", "nosuid", "nodev"},
		})
	}
	slices.SortFunc(mounts, func(a, b specs.Mount) int { return strings.Compare(a.Destination, b.Destination) })
	return mounts
}

// Dial connects to a TCP port on which the program listens.
func (b *Box) Dial(ctx context.Context, port int) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", net.JoinHostPort(b.slot.in.String(), strconv.Itoa(port)))
}

// Done is closed when the program has ended or Start failed.
func (b *Box) Done() <-chan struct{} { return b.done }

// Output returns the last 64 KiB of what the program wrote.
func (b *Box) Output() string { return b.output.text() }

// end says that the program has ended.
func (b *Box) end() { b.finish.Do(func() { close(b.done) }) }

// Close ends the program at once, whatever it is doing, and frees all that the
// box had. Closing twice is a no-op.
func (b *Box) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	r, listeners := b.run, b.listeners
	b.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close() // its user may have closed it
	}
	kill(r, 0)
	b.end()
	//nolint:forbidigo // a box ends whether its user still waits or not
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	var err error
	if r.Container != "" {
		err = b.e.runsc.remove(ctx, b.id)
	}
	b.e.net.drop(b.slot)
	b.e.groups.remove(b.id)
	b.e.mu.Lock()
	delete(b.e.boxes, b)
	b.e.mu.Unlock()
	if err := errors.Join(err, os.RemoveAll(b.dir)); err != nil {
		return fmt.Errorf("close box: %w", err)
	}
	return nil
}

// ring keeps the end of what is written to it.
type ring struct {
	mu  sync.Mutex
	buf []byte
}

func (r *ring) write(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf = append(r.buf, p...)
	// Twice the size before it is cut, so that it is not moved every time.
	if len(r.buf) > 2*boxOutput {
		r.buf = append([]byte(nil), r.buf[len(r.buf)-boxOutput:]...)
	}
}

func (r *ring) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.buf[max(0, len(r.buf)-boxOutput):])
}
