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

	"github.com/spf13/cobra"
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
	changes, err := watchSource(dir, source, func(ctx context.Context) error { return rebuild(ctx, dir) }, logger)
	if err != nil {
		return err
	}
	defer changes.close()
	for {
		round, end := context.WithCancelCause(ctx)
		watched := make(chan struct{}) // closed when nobody takes this round's events any more
		go func() {
			defer close(watched)
			end(changes.next(round))
		}()
		err := serve(round, webDevServer)
		why := context.Cause(round)
		end(nil)
		<-watched
		switch {
		case ctx.Err() != nil:
			return err
		case errors.Is(why, errRebuilt):
			return errRebuilt
		case err != nil:
			// A wrong value in .env.local, most likely: wait until it is mended.
			tell(os.Stderr, "surgent: "+oneLine(err.Error()))
			if why := changes.next(ctx); errors.Is(why, errRebuilt) {
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
