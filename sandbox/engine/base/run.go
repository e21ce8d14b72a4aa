//go:build linux

package base

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// run runs one program with the host's environment; a failure carries the
// gist of what it wrote. line is told each line as it comes, and may be nil.
func (b *builder) run(ctx context.Context, dir string, line func(string), name string, args ...string) error {
	// What it started should not outlive a server that is killed. The kernel
	// watches the thread that starts it, not the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// A cancelled command takes its children with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out := &output{line: line}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s: %w: %s", name, err, gist(out.text.String()))
	}
	return nil
}

// output keeps what a program writes and tells of each line.
type output struct {
	text bytes.Buffer
	line func(string)
	rest []byte
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	if o.line != nil {
		o.rest = append(o.rest, b...)
		for {
			line, rest, ok := bytes.Cut(o.rest, []byte("\n"))
			if !ok {
				break
			}
			o.line(string(line))
			o.rest = rest
		}
	}
	return o.text.Write(b)
}

// gist returns the lines of a program's output that tell most, in one. Apt and
// mmdebstrap mark errors, the first of which are the cause; of others the first
// two, where npm says what is wrong, and the last two.
func gist(text string) string {
	var lines, marked []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		lines = append(lines, line)
		if rest, ok := strings.CutPrefix(line, "E: "); ok && len(marked) < 2 {
			marked = append(marked, rest)
		}
	}
	switch {
	case len(marked) > 0:
		lines = marked
	case len(lines) > 4:
		lines = append(lines[:2:2], lines[len(lines)-2:]...)
	}
	return strings.Join(lines, " | ")
}
