package deployments

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
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
