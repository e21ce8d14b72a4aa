package devserver

import (
	"os"
	"strings"
	"testing"
)

// The log was recorded from vite 8.3.8: a start, a good update, a file that
// doesn't parse, an import that doesn't exist, and the file as it was.
func TestDevLogFollowsVite(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/vite-8.3.8.log")
	if err != nil {
		t.Fatal(err)
	}
	var l devLog
	var seen []string // each error that stood, once
	for _, line := range strings.SplitAfter(string(raw), "\n") {
		l.write([]byte(line))
		if e, _, _ := strings.Cut(l.failed(), "\n"); e != "" && (len(seen) == 0 || seen[len(seen)-1] != e) {
			seen = append(seen, e)
		}
		if strings.Contains(line, "async loadAndTransform") && !strings.Contains(l.failed(), "src/App.tsx") {
			t.Errorf("the error doesn't name the file: %q", l.failed())
		}
	}
	want := []string{
		"[vite] Internal server error: Transform failed with 1 error:",
		`[vite] (client) Pre-transform error: Failed to resolve import "./nope" from "src/App.tsx?t=2". Does the file exist?`,
		`[vite] Internal server error: Failed to resolve import "./nope" from "src/App.tsx?t=2". Does the file exist?`,
	}
	if strings.Join(seen, "|") != strings.Join(want, "|") {
		t.Errorf("errors seen:\n%s", strings.Join(seen, "\n"))
	}
	if l.failed() != "" {
		t.Errorf("mended, but says %q", l.failed())
	}
	for _, line := range l.tail() {
		if strings.Contains(line, "\x1b") {
			t.Errorf("escape in %q", line)
		}
	}
	if n := len(l.tail()); n != keptLines {
		t.Errorf("%d lines kept", n)
	}
}

func TestDevLogPiecesAndBounds(t *testing.T) {
	t.Parallel()
	var l devLog
	if l.write([]byte("half a li")) || len(l.tail()) != 0 {
		t.Error("half a line was taken")
	}
	if !l.write([]byte("ne\nnext")) || l.tail()[0] != "half a line" {
		t.Errorf("got %q", l.tail())
	}
	l.write([]byte(strings.Repeat("x", 1<<20)))
	if len(l.partial) > 16<<10 {
		t.Errorf("an endless line holds %d bytes", len(l.partial))
	}
	l.write([]byte("\n"))
	if got := l.tail(); len(got[len(got)-1]) > keptLineBytes+4 {
		t.Error("a line was not cut")
	}
}

func TestDevLogErrorsOfOtherStarts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"error when starting dev server:\nError: Port 3000 is already in use\n",
		"failed to load config from /workspace/vite.config.js\n",
		"Error: Cannot find module 'x'\n",
		"error: script \"dev\" exited with code 1\n",
	} {
		var l devLog
		l.write([]byte(text))
		if l.failed() == "" {
			t.Errorf("no error in %q", text)
		}
	}
	var l devLog
	l.write([]byte("GET /error 200\nconsole.error is fine\n"))
	if l.failed() != "" {
		t.Errorf("found %q", l.failed())
	}
}
