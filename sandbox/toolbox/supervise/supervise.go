//go:build linux

// Package supervise is the first process of a sandbox. It runs the toolbox
// server, starts it again when it dies, keeps the socket, the token and the
// environment for it meanwhile, and reaps whatever loses its parent. Both are
// root: the user's processes can neither read nor end them.
//
// Sessions are children of the server. When it dies they become children of
// this process and run on; the next server takes them up.
package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File descriptors that the server finds open: from the first it reads its
// state, as one JSON value, to the second it writes each new one, and the
// third is the socket that it serves.
const (
	StateIn  = 3
	StateOut = 4
	Socket   = 5
)

const (
	minRestart = 100 * time.Millisecond
	maxRestart = 5 * time.Second
	stopGrace  = 2 * time.Second
)

// Config says how to run the server.
type Config struct {
	// Argv starts the server; Argv[0] is a path.
	Argv []string
	// Env is its whole environment. It must not hold the token.
	Env []string
	// Socket listens. It stays open here, so that between two servers nobody
	// else can take the port; who connects meanwhile waits.
	Socket *os.File
	// State is what the first server gets.
	State  json.RawMessage
	Logger *slog.Logger
}

// Run supervises until SIGTERM or SIGINT, then ends every process and returns.
// It reaps all children of this process, so nothing else in it may start any.
func Run(cfg Config) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT)
	quit := make(chan struct{}) // closed when everything is to end
	server := make(chan int, 1) // holds the server's process id while it runs
	go func() {
		<-stop
		close(quit)
		endAll(server)
	}()

	state := &stateBox{value: cfg.State}
	wait := minRestart
	for first := true; ; first = false {
		started := time.Now()
		pid, told, err := start(cfg, state)
		switch {
		case err != nil && first:
			return err
		case err != nil:
			// Most likely the user's processes are all that there may be. This
			// one's end would be the sandbox's; theirs may come first.
			cfg.Logger.Error("toolbox can't be started, trying again", "err", err)
			reapEnded()
		default:
			server <- pid
			status := reapUntil(pid)
			select {
			case <-server:
			default: // endAll took it
			}
			select {
			case <-told: // its last words count
			case <-time.After(time.Second):
			case <-quit:
			}
			cfg.Logger.Error("toolbox ended, starting it again", "status", status)
			if time.Since(started) > time.Minute {
				wait = minRestart
			}
		}
		select {
		case <-quit:
			reapRest()
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, maxRestart)
	}
}

// stateBox holds the newest state.
type stateBox struct {
	mu    sync.Mutex
	value json.RawMessage
}

func (b *stateBox) get() json.RawMessage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.value
}

func (b *stateBox) set(v json.RawMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.value = v
}

// start runs the server with pipes for the state. told is closed when all that
// the server said was read.
func start(cfg Config, state *stateBox) (pid int, told <-chan struct{}, err error) {
	var in, out [2]int // read end, write end
	if err := unix.Pipe2(in[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, fmt.Errorf("make pipe: %w", err)
	}
	if err := unix.Pipe2(out[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, fmt.Errorf("make pipe: %w", err)
	}
	pid, err = syscall.ForkExec(cfg.Argv[0], cfg.Argv, &syscall.ProcAttr{
		Env:   cfg.Env,
		Files: []uintptr{0, 1, 2, uintptr(in[0]), uintptr(out[1]), cfg.Socket.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	_ = unix.Close(in[0])  // the server's ends
	_ = unix.Close(out[1]) // as above
	toServer, fromServer := os.NewFile(uintptr(in[1]), "state"), os.NewFile(uintptr(out[0]), "state")
	if err != nil {
		_ = toServer.Close()
		_ = fromServer.Close()
		return 0, nil, fmt.Errorf("start %s: %w", cfg.Argv[0], err)
	}
	go func() {
		// A server that died before it read it is started again with it.
		_, _ = toServer.Write(state.get())
		_ = toServer.Close()
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = fromServer.Close() }()
		dec := json.NewDecoder(fromServer)
		for {
			var v json.RawMessage
			if err := dec.Decode(&v); err != nil {
				if !errors.Is(err, io.EOF) {
					cfg.Logger.Error("state not understood", "err", err)
				}
				return
			}
			state.set(v)
		}
	}()
	return pid, done, nil
}

// reapUntil reaps children until pid is one of them.
func reapUntil(pid int) unix.WaitStatus {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil, got == pid:
			return ws
		}
	}
}

// reapEnded reaps the children that have ended, and tells whether others are
// left.
func reapEnded() bool {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return false
		case pid == 0:
			return true
		}
	}
}

// reapRest reaps what is left, for a moment.
func reapRest() {
	for deadline := time.Now().Add(stopGrace); time.Now().Before(deadline) && reapEnded(); {
		time.Sleep(5 * time.Millisecond)
	}
}

// endAll ends every other process of the sandbox. Only process 1 may do that:
// anywhere else it would be every process of the machine, so there it is the
// server alone.
func endAll(server <-chan int) {
	target := -1
	if os.Getpid() != 1 {
		target = <-server
	}
	_ = unix.Kill(target, unix.SIGTERM) // there may be none left
	time.Sleep(stopGrace / 2)
	_ = unix.Kill(target, unix.SIGKILL)
}
