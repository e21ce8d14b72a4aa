// Command surgent is the whole server in one binary: the workspace, the
// function runtime, the agent, the sandbox engine and the deploy target.
// `surgent help` lists what it can do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the build.
var version = "dev"

func main() {
	maybeRunsc() // before anything else: this process may be a sandbox's
	os.Exit(run())
}

// errQuiet ends with exit code 1 after the command has said why itself.
var errQuiet = errors.New("")

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once, however long draining takes.
	context.AfterFunc(ctx, stop)
	if err := root().ExecuteContext(ctx); err != nil {
		if !errors.Is(err, errQuiet) {
			tell(os.Stderr, "surgent: "+oneLine(err.Error()))
		}
		return 1
	}
	return 0
}

// oneLine keeps what goes wrong at a start on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "surgent",
		Short:         "Build web apps by talking to an agent, on your own machine",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(serveCommand(), devCommand(), setupCommand(), doctorCommand(), createSnapshotCommand(), sandboxCommand())
	return cmd
}

// tell prints a line for the person or the script that started us. A reader
// that has gone is no reason to stop.
func tell(w io.Writer, line string) { _, _ = fmt.Fprintln(w, line) }

// newLogger logs to standard error, as text for people.
func newLogger() *slog.Logger {
	level := slog.LevelInfo
	if os.Getenv("SURGENT_DEBUG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// ownPath is where this binary is, for the sandbox engine to run again. It is
// resolved once: the file may be replaced by a newer build while we run.
func ownPath() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find own path: %w", err)
	}
	return path, nil
}
