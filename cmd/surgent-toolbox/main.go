//go:build linux

// Command surgent-toolbox is the first process of a sandbox. "serve" as root
// supervises a server that runs as the sandbox's user; as anybody else it is
// that server. It is linked statically and embedded into surgent, which puts
// it into the base of every sandbox.
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
	flags.StringVar(&o.stateDir, "state-dir", "/var/lib/toolbox", "where sessions and logs are kept")
	flags.BoolVar(&o.supervised, "supervised", false, "set by the supervising process")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	token := os.Getenv(tokenVar)
	if err := os.Unsetenv(tokenVar); err != nil {
		return err
	}
	if o.supervised {
		return serveSupervised(o, log)
	}
	if os.Getuid() == 0 && o.user != "root" {
		return superviseAs(o, token, log)
	}
	return serve(o, toolbox.State{Token: token}, nil, log)
}

// superviseAs runs the server as the user.
func superviseAs(o options, token string, log *slog.Logger) error {
	u, err := user.Lookup(o.user)
	if err != nil {
		return fmt.Errorf("find user: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return fmt.Errorf("find user: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return fmt.Errorf("find user: %w", err)
	}
	if o.home == "" {
		o.home = u.HomeDir
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
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
		Env: os.Environ(), UID: uint32(uid), GID: uint32(gid),
		OwnedDirs: []string{o.stateDir}, State: state, Logger: log,
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

// serveSupervised reads its state from the supervising process and tells it
// every change.
func serveSupervised(o options, log *slog.Logger) error {
	// Without this the user's own processes could read the token out of this
	// one's memory.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("protect memory: %w", err)
	}
	unix.CloseOnExec(supervise.StateIn)
	unix.CloseOnExec(supervise.StateOut)
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
	return serve(o, state, func(st toolbox.State) error { return json.NewEncoder(out).Encode(st) }, log)
}

func serve(o options, state toolbox.State, onInit func(toolbox.State) error, log *slog.Logger) error {
	if o.home == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return err
		}
		o.home = home
	}
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
	s, err := toolbox.Open(ctx, toolbox.Config{
		Token: state.Token, Env: state.Env, Home: o.home, WorkDir: o.workDir, StateDir: stateDir,
		User: o.user, OnInit: onInit, Logger: log,
	})
	if err != nil {
		return err
	}
	defer s.Close()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
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
