package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// write changes a file of the watched folder.
func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func watchedTree(t *testing.T, build func(context.Context) error) (string, *sourceWatch) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "internal", "a", "a.go"))
	s, err := watchSource(dir, true, build, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return dir, s
}

func TestChangesAskForAnotherRound(t *testing.T) {
	t.Parallel()
	builds := 0
	dir, s := watchedTree(t, func(context.Context) error { builds++; return nil })

	write(t, filepath.Join(dir, "internal", "a", "a_test.go")) // asks for nothing
	write(t, filepath.Join(dir, ".env.local"))
	if err := s.next(t.Context()); err != nil || builds != 0 {
		t.Errorf(".env.local: %v after %d builds", err, builds)
	}
	write(t, filepath.Join(dir, "internal", "a", "a.go"))
	if err := s.next(t.Context()); !errors.Is(err, errRebuilt) || builds != 1 {
		t.Errorf("a Go file: %v after %d builds", err, builds)
	}
	// A new folder is a change, and what happens in it later is seen too.
	write(t, filepath.Join(dir, "internal", "new", "deep", "b.go"))
	if err := s.next(t.Context()); !errors.Is(err, errRebuilt) {
		t.Errorf("a new folder: %v", err)
	}
	write(t, filepath.Join(dir, "internal", "new", "deep", "b.go"))
	if err := s.next(t.Context()); !errors.Is(err, errRebuilt) {
		t.Errorf("a file in the new folder: %v", err)
	}
}

func TestAFailedBuildChangesNothing(t *testing.T) {
	t.Parallel()
	built := make(chan struct{}, 1)
	dir, s := watchedTree(t, func(context.Context) error { built <- struct{}{}; return errors.New("no") })
	ctx, end := context.WithCancelCause(t.Context())
	over := errors.New("over")
	write(t, filepath.Join(dir, "internal", "a", "a.go"))
	go func() { <-built; end(over) }()
	if err := s.next(ctx); !errors.Is(err, over) {
		t.Errorf("next returned %v", err)
	}
}

func TestLostEventsCountAsAChange(t *testing.T) {
	t.Parallel()
	_, s := watchedTree(t, func(context.Context) error { return nil })
	go func() { s.w.Errors <- errors.New("queue overflow") }()
	if err := s.next(t.Context()); !errors.Is(err, errRebuilt) {
		t.Errorf("next returned %v", err)
	}
}
