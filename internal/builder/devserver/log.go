package devserver

import (
	"regexp"
	"strings"

	"surgent.dev/surgent/internal/kit/ansi"
)

// Bounds of what is kept of a dev server's log in a project's document, which
// every open page receives on each change.
const (
	keptLines     = 12
	keptLineBytes = 400
	keptError     = 8 // lines of an error
)

var (
	stamp = regexp.MustCompile(`^\d{1,2}:\d{2}:\d{2}( [AP]M)? `)
	// What Vite prints when a file doesn't compile, a config doesn't load or a
	// module isn't found.
	failure = regexp.MustCompile(`(?i)(\[vite\].*\berror\b|^\s*(✘ )?\[?(plugin:|ERROR\b|PARSE_ERROR|UNRESOLVED_IMPORT)|error when starting dev server|failed to load config|transform failed|build failed with|failed to resolve import|^(\w*Error): |error: script ".*" exited)`)
	// What it prints once all is well again.
	success = regexp.MustCompile(`\[vite\].*\b(hmr update|page reload|hmr invalidate|server restarted|connected)\b|ready in [\d.]+ ?m?s|optimized dependencies changed`)
	noise   = regexp.MustCompile(`^\s*at .*(node:internal|/node_modules/)`)
)

// devLog reads the output of a dev server line by line and keeps what a
// person needs: the newest lines, and the error that stands now.
type devLog struct {
	partial string
	lines   []string
	err     []string
	open    bool // the lines that come still belong to the error
}

// write takes the next piece of output and tells whether something changed.
func (l *devLog) write(p []byte) bool {
	text := l.partial + string(p)
	all := strings.Split(text, "\n")
	l.partial = all[len(all)-1]
	if len(l.partial) > 16<<10 {
		l.partial = l.partial[len(l.partial)-16<<10:] // one endless line
	}
	for _, line := range all[:len(all)-1] {
		l.line(line)
	}
	return len(all) > 1
}

func (l *devLog) line(raw string) {
	line := strings.TrimRight(strings.ReplaceAll(ansi.Strip(raw), "\r", ""), " \t")
	if len(line) > keptLineBytes {
		line = strings.ToValidUTF8(line[:keptLineBytes], "") + "…"
	}
	bare := stamp.ReplaceAllString(line, "")
	switch {
	case success.MatchString(bare) && !failure.MatchString(bare):
		l.err, l.open = nil, false
	case failure.MatchString(bare):
		if !l.open || len(l.err) == 0 || stamp.MatchString(line) {
			l.err = nil
		}
		l.err, l.open = append(l.err, bare), true
	case l.open && bare != "" && len(l.err) < keptError && !noise.MatchString(bare):
		l.err = append(l.err, bare)
	}
	if len(l.err) > keptError {
		l.err = l.err[:keptError]
	}
	if line == "" || noise.MatchString(bare) {
		return
	}
	l.lines = append(l.lines, line)
	if over := len(l.lines) - keptLines; over > 0 {
		l.lines = append([]string(nil), l.lines[over:]...)
	}
}

// failed returns the standing error's text, "" when there is none.
func (l *devLog) failed() string { return strings.Join(l.err, "\n") }

// tail returns the newest lines, oldest first, never nil.
func (l *devLog) tail() []string { return append([]string{}, l.lines...) }
