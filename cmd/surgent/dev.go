package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"

	"surgent.dev/surgent/internal/config"
)

func devCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "dev",
		Short: "Serve, and start again when .env.local or the source changes",
		Long: "Serves as `surgent serve` does and starts again when .env.local changes. In a source\n" +
			"tree the workspace comes from its Vite dev server, and a changed Go file is built and\n" +
			"the new binary takes over.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.Getwd()
			if err != nil {
				return err
			}
			err = develop(cmd.Context(), dir, newLogger())
			if errors.Is(err, errRebuilt) {
				return takeOver(dir) // after all that develop had started has ended
			}
			return err
		},
	}
}

// errRebuilt ends a round because a newer binary has been built.
var errRebuilt = errors.New("rebuilt")

// develop serves in rounds: each ends when something has changed. It returns
// errRebuilt when the next round is a newer binary's.
func develop(ctx context.Context, dir string, logger *slog.Logger) error {
	source := inSourceTree(dir)
	var webDevServer *url.URL
	if source {
		at, stop, err := startVite(ctx, filepath.Join(dir, "web"))
		if err != nil {
			return err
		}
		defer stop()
		webDevServer = at
	}
	changes, stop, err := watch(dir, source)
	if err != nil {
		return err
	}
	defer stop()
	for {
		round, end := context.WithCancelCause(ctx)
		go func() { end(nextChange(round, dir, source, changes, logger)) }()
		err := serve(round, webDevServer)
		why := context.Cause(round)
		end(nil)
		switch {
		case ctx.Err() != nil:
			return err
		case errors.Is(why, errRebuilt):
			return errRebuilt
		case err != nil:
			// A wrong value in .env.local, most likely: wait until it is mended.
			tell(os.Stderr, "surgent: "+oneLine(err.Error()))
			if why := nextChange(ctx, dir, source, changes, logger); errors.Is(why, errRebuilt) {
				return errRebuilt
			}
			if ctx.Err() != nil {
				return nil
			}
		}
		logger.Info("starting again")
	}
}

// inSourceTree tells whether dir is this module's source.
func inSourceTree(dir string) bool {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && strings.HasPrefix(string(mod), "module surgent.dev/surgent\n")
}

// startVite runs the workspace's dev server on a free port of the loopback.
func startVite(ctx context.Context, web string) (at *url.URL, stop func(), err error) {
	vite := filepath.Join(web, "node_modules", "vite", "bin", "vite.js")
	if _, err := os.Stat(vite); err != nil {
		return nil, nil, errors.New("the workspace's packages are not installed: run `make web` first")
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("find a port for Vite: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, nil, fmt.Errorf("find a port for Vite: %w", err)
	}
	cmd := exec.CommandContext(ctx, "node", vite, "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--strictPort", "--clearScreen", "false")
	cmd.Dir, cmd.Stdout, cmd.Stderr = web, os.Stderr, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start Vite: %w", err)
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		_ = cmd.Wait()                          // its end says nothing that it hasn't printed
	}
	return &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}, stop, nil
}

// watch tells of changed files: .env.local, and the Go files of a source tree.
func watch(dir string, source bool) (<-chan fsnotify.Event, func(), error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, nil, fmt.Errorf("watch files: %w", err)
	}
	stop := func() { _ = w.Close() } // nothing is written through it
	if err := w.Add(dir); err != nil {
		stop()
		return nil, nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	if !source {
		return w.Events, stop, nil
	}
	for _, top := range []string{"cmd", "convex", "deploy", "internal", "model", "sandbox", "snapshots", "templates"} {
		err := filepath.WalkDir(filepath.Join(dir, top), func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "node_modules" || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return w.Add(path)
		})
		if err != nil {
			stop()
			return nil, nil, fmt.Errorf("watch %s: %w", top, err)
		}
	}
	return w.Events, stop, nil
}

// rest is how long files must be quiet before something is done: editors
// write in several steps.
const rest = 200 * time.Millisecond

// nextChange returns when something has changed that asks for another round:
// nil for .env.local, errRebuilt after a build. A build that fails prints its
// reasons and changes nothing.
func nextChange(ctx context.Context, dir string, source bool, changes <-chan fsnotify.Event, logger *slog.Logger) error {
	env, code := false, false
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e, ok := <-changes:
			if !ok {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			switch {
			case filepath.Base(e.Name) == config.EnvFile && filepath.Dir(e.Name) == dir:
				env = true
			case source && strings.HasSuffix(e.Name, ".go") && !strings.HasSuffix(e.Name, "_test.go"):
				code = true
			default:
				continue
			}
			quiet = time.After(rest)
		case <-quiet:
			if !code {
				return nil
			}
			logger.Info("building")
			if err := rebuild(ctx, dir); err == nil {
				return errRebuilt
			}
			if env {
				return nil
			}
			code, quiet = false, nil
		}
	}
}

func builtPath(dir string) string { return filepath.Join(dir, "bin", "surgent-dev") }

func rebuild(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", builtPath(dir), "./cmd/surgent")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.Run()
}

// takeOver replaces this process by the binary that was just built.
func takeOver(dir string) error {
	path := builtPath(dir)
	return fmt.Errorf("start %s: %w", path, syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ()))
}
