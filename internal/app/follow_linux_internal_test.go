package app

import (
	"context"
	"errors"
	"os/exec"
	"testing"
)

// An engine that belongs to a server ends when that process does, however it
// ends, and not before.
func TestAwaitExit(t *testing.T) {
	t.Parallel()
	server := exec.CommandContext(t.Context(), "cat")
	hold, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hold.Close() }()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	pid := server.Process.Pid

	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := awaitExit(ctx, pid); !errors.Is(err, stop) {
		t.Errorf("while it runs, and the engine is stopped: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- awaitExit(t.Context(), pid) }()
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("after kill -9: %v", err)
	}
	_ = server.Wait() // killed
	if err := awaitExit(t.Context(), pid); err != nil {
		t.Errorf("of a process that is gone: %v", err)
	}
}
