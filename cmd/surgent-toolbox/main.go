//go:build linux

// Command surgent-toolbox is the first process of a sandbox. "serve" as root
// supervises a server, root too, whose commands run as the sandbox's user; as
// anybody else it is that server, and commands run as itself. It is linked
// statically and embedded into surgent, which puts it into the base of every
// sandbox.
//
// The first bearer token comes in the environment as SURGENT_TOOLBOX_TOKEN and
// is removed from it before anything is started.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"surgent.dev/surgent/sandbox/toolbox"
	"surgent.dev/surgent/sandbox/toolbox/supervise"
)

const tokenVar = "SURGENT_TOOLBOX_TOKEN"

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(os.Args[1:], log); err != nil {
		log.Error("toolbox stopped", "err", err)
		os.Exit(1)
	}
}

type options struct {
	addr, user, home, workDir, stateDir string
	supervised                          bool
}

func run(args []string, log *slog.Logger) error {
	if len(args) == 1 && args[0] == "version" {
		fmt.Println(toolbox.Version)
		return nil
	}
	if len(args) == 0 || args[0] != "serve" {
		return errors.New("usage: surgent-toolbox serve [flags] | version")
	}
	var o options
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", ":2280", "address to listen on")
	flags.StringVar(&o.user, "user", "daytona", "name of the user that processes run as")
	flags.StringVar(&o.home, "home", "", "the user's home folder; from the system's list of users when empty")
	flags.StringVar(&o.workDir, "work-dir", "/workspace", "working folder")
	flags.StringVar(&o.stateDir, "state-dir", "/var/lib/surgent-toolbox", "where sessions and logs are kept")
	flags.BoolVar(&o.supervised, "supervised", false, "set by the supervising process")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	token := os.Getenv(tokenVar)
	if err := os.Unsetenv(tokenVar); err != nil {
		return err
	}
	account, err := o.account()
	if err != nil {
		return err
	}
	switch {
	case o.supervised:
		return serveSupervised(o, account, log)
	case account != nil:
		return superviseServer(o, token, log)
	}
	if o.home == "" {
		if o.home, err = os.UserHomeDir(); err != nil {
			return err
		}
	}
	ln, err := listen(o)
	if err != nil {
		return err
	}
	return serve(o, ln, toolbox.Config{Token: token}, log)
}

// account finds the user that commands run as, nil for the server's own, and
// their home.
func (o *options) account() (*toolbox.Account, error) {
	if os.Getuid() != 0 || o.user == "root" {
		return nil, nil
	}
	u, err := user.Lookup(o.user)
	if err != nil {
		return nil, fmt.Errorf("find user: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, fmt.Errorf("find user: %w", err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, fmt.Errorf("find user: %w", err)
	}
	if o.home == "" {
		o.home = u.HomeDir
	}
	return &toolbox.Account{UID: uid, GID: gid}, nil
}

// listen takes the port for all addresses. Without SO_REUSEADDR, which Go sets:
// with it on both sides gVisor lets another process listen on one address of a
// port that this one has on all, and so answer in its place.
func listen(o options) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var serr error
		if err := c.Control(func(fd uintptr) {
			serr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
		}); err != nil {
			return err
		}
		return serr
	}}
	ln, err := lc.Listen(context.Background(), "tcp", o.addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return ln, nil
}

// superviseServer runs the server again and again. The port stays this
// process's meanwhile: nobody else in the sandbox ever gets it.
func superviseServer(o options, token string, log *slog.Logger) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
	ln, err := listen(o)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // the end of the sandbox
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("listen: %T is no TCP listener", ln)
	}
	socket, err := tcp.File()
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = socket.Close() }() // as above
	limitTasks(log)
	state, err := json.Marshal(toolbox.State{Token: token})
	if err != nil {
		return err
	}
	return supervise.Run(supervise.Config{
		Argv: []string{
			exe, "serve", "-supervised", "-addr", o.addr, "-user", o.user,
			"-home", o.home, "-work-dir", o.workDir, "-state-dir", o.stateDir,
		},
		Env: os.Environ(), Socket: socket, State: state, Logger: log,
	})
}

// maxTasks is how many processes and threads the sandbox may have: enough for
// builds, and few enough that a fork bomb fails before it fills the host's
// limits and takes the whole sandbox with it.
const maxTasks = 1024

// limitTasks sets the limit where the sandbox has a control group for it.
func limitTasks(log *slog.Logger) {
	err := os.WriteFile("/sys/fs/cgroup/pids/pids.max", []byte(strconv.Itoa(maxTasks)), 0o600)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn("processes are not limited", "err", err)
	}
}

// serveSupervised takes its socket and its state from the supervising process
// and tells it every change.
func serveSupervised(o options, account *toolbox.Account, log *slog.Logger) error {
	// While a thread has the user's rights, nothing of this process may count
	// as the user's.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("protect memory: %w", err)
	}
	for _, fd := range []int{supervise.StateIn, supervise.StateOut, supervise.Socket} {
		unix.CloseOnExec(fd)
	}
	socket := os.NewFile(supervise.Socket, "socket")
	ln, err := net.FileListener(socket)
	if cerr := socket.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("take over socket: %w", err)
	}
	in, out := os.NewFile(supervise.StateIn, "state"), os.NewFile(supervise.StateOut, "state")
	text, err := io.ReadAll(in)
	if cerr := in.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	var state toolbox.State
	if err := json.Unmarshal(text, &state); err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	return serve(o, ln, toolbox.Config{
		Token: state.Token, Env: state.Env, Account: account,
		OnInit: func(st toolbox.State) error { return json.NewEncoder(out).Encode(st) },
	}, log)
}

// serve completes the configuration and serves until a signal.
func serve(o options, ln net.Listener, cfg toolbox.Config, log *slog.Logger) error {
	// Folders of the base that are missing are no reason not to start.
	if err := os.MkdirAll(o.workDir, 0o755); err != nil {
		log.Warn("no working folder", "err", err)
		o.workDir = o.home
	}
	if err := os.Chdir(o.workDir); err != nil {
		log.Warn("working folder not usable", "err", err)
	}
	stateDir, err := filepath.Abs(o.stateDir)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	cfg.Home, cfg.WorkDir, cfg.StateDir, cfg.User, cfg.Logger = o.home, o.workDir, stateDir, o.user, log
	s, err := toolbox.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 30 * time.Second}
	if _, port, err := net.SplitHostPort(ln.Addr().String()); err == nil {
		log.Info("toolbox listens", "port", port, "user", o.user)
	}
	failed := make(chan error, 1) // sent once, when serving ended
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		_ = srv.Close() // followed logs never end by themselves
		return nil
	}
}
