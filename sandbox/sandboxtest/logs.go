package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"surgent.dev/surgent/sandbox"
)

// recorder collects a followed log.
type recorder struct {
	mu       sync.Mutex
	out, err strings.Builder
	// first is closed at the first byte.
	first chan struct{}
	once  sync.Once
}

func newRecorder() *recorder { return &recorder{first: make(chan struct{})} }

func (r *recorder) write(s sandbox.Stream, p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s == sandbox.Stderr {
		r.err.Write(p)
	} else {
		r.out.Write(p)
	}
	r.once.Do(func() { close(r.first) })
	return nil
}

func (r *recorder) texts() (string, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String(), r.err.String()
}

func runLogs(t *testing.T, tb sandbox.Toolbox) {
	t.Helper()
	start := func(t *testing.T, ctx context.Context, id, command string) string {
		t.Helper()
		cmd, err := tb.StartCommand(ctx, id, command)
		if err != nil {
			t.Fatalf("start: %v", err)
		}
		return cmd
	}
	t.Run("streams apart, while it runs", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		rec := newRecorder()
		cmd := start(t, ctx, id, "echo one; echo two >&2; read x; echo three; printf no-newline >&2")
		done := make(chan error, 1)
		go func() { done <- tb.FollowLogs(ctx, id, cmd, rec.write) }()
		select {
		case <-rec.first: // the command can't end before it has input
		case <-ctx.Done():
			t.Fatal("no output while the command runs")
		}
		wait(t, "input is taken", func(ctx context.Context) bool { return tb.SendInput(ctx, id, cmd, "") == nil })
		if err := <-done; err != nil {
			t.Errorf("follow: %v", err)
		}
		out, errs := rec.texts()
		if out != "one\n\nthree\n" || errs != "two\nno-newline" {
			t.Errorf("got %q and %q", out, errs)
		}
	})
	t.Run("exit code is there when the log ends", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		for n := range 10 {
			cmd := start(t, ctx, id, fmt.Sprintf("seq 1 1000; (exit %d)", n))
			rec := newRecorder()
			if err := tb.FollowLogs(ctx, id, cmd, rec.write); err != nil {
				t.Fatalf("follow: %v", err)
			}
			c, err := tb.GetCommand(ctx, id, cmd)
			if err != nil || c.ExitCode == nil || *c.ExitCode != n {
				t.Fatalf("command %d: %+v, %v", n, c, err)
			}
			if out, _ := rec.texts(); strings.Count(out, "\n") != 1000 || !strings.HasSuffix(out, "\n1000\n") {
				t.Fatalf("command %d: %d lines", n, strings.Count(out, "\n"))
			}
		}
	})
	t.Run("late and several readers get all", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		cmd := start(t, ctx, id, "for i in $(seq 1 20); do echo line $i; sleep 0.05; done")
		var wg sync.WaitGroup
		texts := make([]string, 3)
		for i := range texts {
			wg.Go(func() {
				rec := newRecorder()
				if err := tb.FollowLogs(ctx, id, cmd, rec.write); err != nil {
					t.Errorf("follow: %v", err)
				}
				texts[i], _ = rec.texts()
			})
		}
		wg.Wait()
		late := newRecorder()
		if err := tb.FollowLogs(ctx, id, cmd, late.write); err != nil {
			t.Errorf("follow late: %v", err)
		}
		want, _ := late.texts()
		if strings.Count(want, "\n") != 20 {
			t.Errorf("late reader got %q", want)
		}
		for _, got := range texts {
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
	t.Run("bytes that are no text", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		cmd := start(t, ctx, id, `printf 'a\377b\303'; printf '\251 gr\303\274n \360\237\230\200'; printf '\200\n' >&2`)
		rec := newRecorder()
		if err := tb.FollowLogs(ctx, id, cmd, rec.write); err != nil {
			t.Fatalf("follow: %v", err)
		}
		out, errs := rec.texts()
		if out != "a\xffb\xc3\xa9 grün 😀" || errs != "\x80\n" {
			t.Errorf("got %q and %q", out, errs)
		}
	})
	t.Run("much output", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		cmd := start(t, ctx, id, "head -c 8000000 /dev/zero | tr '\\0' x; echo end >&2")
		n := 0
		err := tb.FollowLogs(ctx, id, cmd, func(s sandbox.Stream, p []byte) error {
			if s == sandbox.Stdout {
				n += len(p)
			}
			return nil
		})
		if err != nil || n != 8_000_000 {
			t.Errorf("%d bytes, %v", n, err)
		}
		stdout, stderr, err := tb.Logs(ctx, id, cmd)
		if err != nil || len(stdout) != 8_000_000 || stderr != "end\n" {
			t.Errorf("logs: %d bytes, %q, %v", len(stdout), stderr, err)
		}
	})
	t.Run("a reader that gives up", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		cmd := start(t, ctx, id, "echo x; sleep 30")
		enough := errors.New("enough")
		if err := tb.FollowLogs(ctx, id, cmd, func(sandbox.Stream, []byte) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("got %v", err)
		}
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		err := tb.FollowLogs(short, id, cmd, func(sandbox.Stream, []byte) error { return nil })
		wantError(t, "follow", err, context.DeadlineExceeded)
	})
	t.Run("an unknown command", func(t *testing.T) {
		t.Parallel()
		err := tb.FollowLogs(caseContext(t), session(t, tb), "no-such-command", func(sandbox.Stream, []byte) error { return nil })
		wantError(t, "follow", err, sandbox.ErrNotFound)
	})
}
