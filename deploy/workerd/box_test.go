package workerd_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"surgent.dev/surgent/deploy/workerd"
)

// bareBoxes runs programs as plain processes of this machine, which confines
// nothing: it is for the trusted workers of these tests alone.
type bareBoxes struct {
	mu   sync.Mutex
	made []*bareBox
}

func (b *bareBoxes) New(context.Context, string) (workerd.Box, error) {
	box := &bareBox{done: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made = append(b.made, box)
	return box, nil
}

// started returns how many programs were started, and those that still run.
func (b *bareBoxes) started() (total int, running []*bareBox) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, box := range b.made {
		if box.cmd == nil {
			continue
		}
		total++
		select {
		case <-box.done:
		default:
			running = append(running, box)
		}
	}
	return total, running
}

type bareBox struct {
	cmd       *exec.Cmd
	done      chan struct{} // closed by the goroutine that waits for cmd
	dir       string
	listeners []net.Listener
	output    lockedBuilder
	closeOnce sync.Once
}

func (b *bareBox) Listen(ctx context.Context) (net.Listener, string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	b.listeners = append(b.listeners, l)
	return l, l.Addr().String(), nil
}

func (b *bareBox) Start(_ context.Context, p workerd.Program) error {
	args := append([]string(nil), p.Args...)
	for i, arg := range args {
		for inside, outside := range p.Files {
			if arg == inside || strings.HasPrefix(arg, inside+"/") {
				args[i] = outside + strings.TrimPrefix(arg, inside)
			}
		}
	}
	// All boxes share one network here, so the program's ports are files.
	var err error
	if b.dir, err = os.MkdirTemp("", "box"); err != nil {
		return err
	}
	for name, port := range map[string]int{"app": 8080, "health": 8081} {
		args = append(args, "--socket-addr="+name+"=unix:"+b.socket(port))
	}
	b.cmd = exec.Command(args[0], args[1:]...)
	b.cmd.Env = p.Env
	b.cmd.Stdout, b.cmd.Stderr = &b.output, &b.output
	if err := b.cmd.Start(); err != nil {
		close(b.done)
		return err
	}
	go func() {
		_ = b.cmd.Wait() // a killed program is what tests expect
		close(b.done)
	}()
	return nil
}

func (b *bareBox) Dial(ctx context.Context, port int) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", b.socket(port))
}

func (b *bareBox) socket(port int) string { return filepath.Join(b.dir, strconv.Itoa(port)) }

func (b *bareBox) Done() <-chan struct{} { return b.done }

func (b *bareBox) Output() string { return b.output.String() }

func (b *bareBox) Close() error {
	b.closeOnce.Do(func() {
		for _, l := range b.listeners {
			_ = l.Close()
		}
		if b.cmd != nil && b.cmd.Process != nil {
			_ = b.cmd.Process.Kill()
			<-b.done
		}
		if b.dir != "" {
			_ = os.RemoveAll(b.dir)
		}
	})
	return nil
}

type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// sharedRuntime is kept where the program keeps it, so that it is fetched once
// and not for each test run.
func sharedRuntime(t testing.TB) *workerd.Runtime {
	t.Helper()
	cache := os.Getenv("SURGENT_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "surgent")
	}
	rt := &workerd.Runtime{Dir: filepath.Join(cache, "workerd")}
	if _, err := rt.Path(t.Context(), func(string) {}); err != nil {
		t.Fatal(fmt.Errorf("these tests need workerd: %w", err))
	}
	return rt
}

// eventually polls: a process's output takes its own way.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !check(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
