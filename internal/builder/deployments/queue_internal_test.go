package deployments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/internal/kit/errs"
)

func TestKeepTailKeepsTheLastWholeLines(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	for i := range 500 {
		fmt.Fprintf(&log, "line %d\n", i)
	}
	got := keepTail(log.String())
	if strings.Count(got, "\n") != keptLines || !strings.HasPrefix(got, "line 300\n") || !strings.HasSuffix(got, "line 499\n") {
		t.Errorf("%d lines, from %.20q", strings.Count(got, "\n"), got)
	}
	if got := keepTail("short\n"); got != "short\n" {
		t.Errorf("got %q", got)
	}
	long := keepTail(strings.Repeat("é", 100_000) + "\nend\n")
	if len(long) > keptBytes || !utf8.ValidString(long) || !strings.HasSuffix(long, "end\n") {
		t.Errorf("%d bytes", len(long))
	}
}

func TestLinesOfABuild(t *testing.T) {
	t.Parallel()
	var lines []string
	w := &lineWriter{say: func(s string) { lines = append(lines, s) }}
	for _, piece := range []string{"\x1b[32mvi", "te\x1b[0m v8\r\n", "half", " a line\nlast"} {
		w.write([]byte(piece))
	}
	w.end()
	if got := strings.Join(lines, "|"); got != "vite v8|half a line|last" {
		t.Errorf("got %q", got)
	}
	lines = nil
	w.write([]byte(strings.Repeat("x", 100_000)))
	if len(lines) == 0 || len(w.rest) > 8<<10 {
		t.Errorf("an endless line is held: %d bytes", len(w.rest))
	}
}

// What a person reads says what happened and who can do something about it.
func TestWordsOfFailures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("publish x: %w", deploy.Refuse("the worker does not start: SyntaxError")), "The worker does not start: SyntaxError"},
		{fmt.Errorf("publish x: %w", &deploy.Outage{Reason: "all places are in use", Cause: io.EOF}), "All places are in use."},
		{fmt.Errorf("publish x: %w", deploy.ErrUnavailable), "The deploy target can't be reached. Try again."},
		{errs.Wrap(errs.Unavailable, io.EOF, "The sandbox was lost."), "The sandbox was lost."},
		{fmt.Errorf("publish x: %w", context.DeadlineExceeded), "It took too long."},
		{errors.New("disk full at /var/lib/secret"), "Something unforeseen went wrong. The server's log says what."},
	} {
		if got := words(test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
}
