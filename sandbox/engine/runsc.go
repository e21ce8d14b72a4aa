//go:build linux

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runscFlags are given to every runsc call. They are part of what a memory
// image depends on.
var runscFlags = []string{
	"--platform=systrap",
	"--ignore-cgroups", // the engine keeps control groups itself
	"--network=sandbox",
	"--host-uds=none",
	"--host-settings=ignore",
	"--sidecar-usage-policy=LEGACY_DEPRECATED_SLOW_EMBEDDED_FALLBACK",
}

// runsc drives gVisor by its command line. Its containers outlive it.
type runsc struct {
	argv []string // the command, with its first arguments
	root string   // where it keeps the state of containers
}

// container is what a start needs.
type container struct {
	id      string
	bundle  string   // folder with config.json
	overlay string   // folder of the file that backs what is written
	disk    int64    // bytes
	groups  []string // files to write "0" to, which moves the writer
	log     string   // file for what runsc says
	output  *os.File // where the program's output goes, the log when nil
}

func (r *runsc) args(overlay string, disk int64, rest ...string) []string {
	args := append([]string{}, r.argv[1:]...)
	args = append(args, "--root="+r.root)
	args = append(args, runscFlags...)
	if overlay != "" {
		args = append(args, fmt.Sprintf("--overlay2=root:dir=%s,size=%dm", overlay, disk>>20))
	}
	return append(args, rest...)
}

// run starts a container from scratch; fsImage, when set, brings its files.
func (r *runsc) run(ctx context.Context, c container, fsImage string) (int, error) {
	rest := []string{"run", "-detach", "-bundle=" + c.bundle, "-pid-file=" + c.pidFile()}
	if fsImage != "" {
		rest = append(rest, "-fs-restore-image-path="+fsImage)
	}
	return r.start(ctx, c, append(rest, c.id))
}

// restore starts a container from a memory image. It returns as soon as the
// processes run; their pages are read as they are touched.
func (r *runsc) restore(ctx context.Context, c container, image string) (int, error) {
	return r.start(ctx, c, []string{
		"restore", "-detach", "-background", "-image-path=" + image,
		"-bundle=" + c.bundle, "-pid-file=" + c.pidFile(), c.id,
	})
}

func (c container) pidFile() string { return filepath.Join(c.bundle, "pid") }

// joinGroups moves the shell into the control groups named by its first
// arguments, up to "--", and becomes the rest: so runsc and all that it starts
// are inside from their first instruction.
const joinGroups = `while [ "$1" != -- ]; do echo 0 >"$1" || exit 120; shift; done; shift; exec "$@"`

// start runs a detaching runsc command and returns the sandbox's process id.
func (r *runsc) start(ctx context.Context, c container, rest []string) (int, error) {
	// The sandbox keeps these files open: a pipe would never see its end.
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	argv := append([]string{"-c", joinGroups, "sh"}, c.groups...)
	argv = append(argv, "--", r.argv[0])
	argv = append(argv, r.args(c.overlay, c.disk, rest...)...)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", argv...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdout, cmd.Stderr = log, log
	if c.output != nil {
		cmd.Stdout, cmd.Stderr = c.output, c.output
	}
	// A session of its own: what stops the server's group stops no sandbox.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(c.log)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return 0, fmt.Errorf("runsc %s: %w: %s", rest[0], err, tail(text, 600))
	}
	text, err := os.ReadFile(c.pidFile())
	if err != nil {
		return 0, fmt.Errorf("runsc %s: %w", rest[0], err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("runsc %s: %w", rest[0], err)
	}
	return pid, nil
}

// saveFiles writes the container's files to image; it goes on running.
func (r *runsc) saveFiles(ctx context.Context, c container, image string) error {
	return r.call(ctx, time.Minute, r.args(c.overlay, c.disk, "fscheckpoint", "-leave-running", "-image-path="+image, c.id))
}

// saveMemory writes the whole container to image. It ends, unless it is to go
// on running.
func (r *runsc) saveMemory(ctx context.Context, c container, image string, leaveRunning bool) error {
	rest := []string{"checkpoint", "-image-path=" + image}
	if leaveRunning {
		rest = append(rest, "-leave-running")
	}
	return r.call(ctx, 2*time.Minute, r.args(c.overlay, c.disk, append(rest, c.id)...))
}

// remove ends a container and forgets it. An unknown one is no error.
func (r *runsc) remove(ctx context.Context, id string) error {
	err := r.call(ctx, 30*time.Second, r.args("", 0, "delete", "-force", id))
	if err != nil && strings.Contains(err.Error(), "does not exist") {
		return nil
	}
	return err
}

// list returns the ids of all containers that runsc knows.
func (r *runsc) list() ([]string, error) {
	entries, err := os.ReadDir(r.root)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		// Files are named <container>_sandbox:<sandbox>.state.
		if id, _, ok := strings.Cut(e.Name(), "_sandbox:"); ok && strings.HasSuffix(e.Name(), ".state") {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// removeRoot removes runsc's state, when no container is left.
func (r *runsc) removeRoot() {
	// The empty namespace that file servers live in is mounted here.
	_ = unix.Unmount(filepath.Join(r.root, "null-netns"), unix.MNT_DETACH)
	_ = os.RemoveAll(r.root) // it is on a file system that the next boot empties
}

// call runs a runsc command to its end.
func (r *runsc) call(ctx context.Context, limit time.Duration, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.argv[0], args...) //nolint:gosec // our own arguments
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("runsc: %w: %s", err, tail(out.Bytes(), 600))
	}
	return nil
}

// tail returns the end of a text in one line.
func tail(text []byte, n int) string {
	s := strings.TrimSpace(string(text[max(0, len(text)-n):]))
	return strings.Join(strings.Fields(s), " ")
}

// startTime returns when a process started, in ticks since boot: together
// with its number it names the process for ever. It is 0 for no process, and
// for one that has ended and waits to be reaped.
func startTime(pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything; count from its end.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return 0
	}
	n, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// kill ends a process that still is the one it was, and waits until it is
// gone or the time is over.
func kill(r run, limit time.Duration) {
	if r.PID == 0 || startTime(r.PID) != r.StartTime {
		return
	}
	fd, err := unix.PidfdOpen(r.PID, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	if startTime(r.PID) != r.StartTime {
		return
	}
	_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // gone already is as good
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(limit.Milliseconds()))
}
