//go:build linux

package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// owner is the user that works in a sandbox.
const owner = 1000

// room is the free disk space that a build must find.
const room = 2 << 30

// Config is what Ensure needs.
type Config struct {
	CacheDir string // bases are kept in its folder "base"
	Recipe   *Recipe
	Logger   *slog.Logger
	// Step is told what the build does now, in a few words. It may be nil.
	Step func(string)
}

// Base is a finished base.
type Base struct {
	Key  string // its content address
	Root string // the root file system; never to be written
}

// builder is one build.
type builder struct {
	recipe  *Recipe
	machine machine
	tmp     string
	step    func(string)
}

// Ensure returns the base of the recipe, building it when the cache lacks it.
// It waits while another process builds the same one. Errors say in one line
// what is missing and what to do about it.
func Ensure(ctx context.Context, cfg Config) (*Base, error) {
	m, err := thisMachine()
	if err != nil {
		return nil, err
	}
	step := cfg.Step
	if step == nil {
		step = func(string) {}
	}
	key := cfg.Recipe.key(m)
	dir := filepath.Join(cfg.CacheDir, "base")
	done := &Base{Key: key, Root: filepath.Join(dir, key, "root")}
	if _, err := os.Stat(done.Root); err == nil {
		return done, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the cache folder: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, key+".lock"), func() { step("Wait for another process that builds the base") })
	if err != nil {
		return nil, fmt.Errorf("lock base %s: %w", key, err)
	}
	defer unlock()
	if _, err := os.Stat(done.Root); err == nil {
		return done, nil // built while we waited
	}
	if err := check(dir); err != nil {
		return nil, err
	}
	// What killed builds left behind. Programs that they started may still be
	// writing there, so this build has a folder of its own.
	stale, err := filepath.Glob(filepath.Join(dir, key+".*.tmp"))
	if err != nil {
		return nil, err
	}
	for _, old := range stale {
		if err := removeTree(old); err != nil {
			cfg.Logger.Warn("could not remove an unfinished base; the next build tries again", "path", old, "error", err)
		}
	}
	tmp, err := os.MkdirTemp(dir, key+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("make the cache folder: %w", err)
	}
	b := &builder{recipe: cfg.Recipe, machine: m, tmp: tmp, step: step}
	defer func() {
		if err := removeTree(b.tmp); err != nil {
			cfg.Logger.Warn("could not remove a temporary folder", "path", b.tmp, "error", err)
		}
	}()
	if err := b.build(ctx, filepath.Join(dir, key)); err != nil {
		return nil, fmt.Errorf("build the sandbox base: %w", err)
	}
	return done, nil
}

// build makes the base in b.tmp and moves it to target.
func (b *builder) build(ctx context.Context, target string) error {
	whole := filepath.Join(b.tmp, "whole")
	root := filepath.Join(whole, "root")
	// The way to the root must be open to the unprivileged user that runsc's
	// file server becomes.
	if err := os.MkdirAll(whole, 0o755); err != nil {
		return err
	}
	for _, part := range []struct {
		step string
		do   func(context.Context, string) error
	}{
		{"Install Debian packages", b.debian},
		{"Add Node.js and Bun", b.runtimes},
		{"Prepare the system", b.system},
		{"Install npm packages", b.dependencies},
		{"Hand the workspace over", b.handOver},
	} {
		b.step(part.step)
		if err := part.do(ctx, root); err != nil {
			return err
		}
	}
	b.step("Write it to disk")
	if err := syncDisk(whole); err != nil {
		return err
	}
	return os.Rename(whole, target)
}

// syncDisk waits until all that was written near dir is on disk, so that the
// machine may crash right after the base got its name.
func syncDisk(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return unix.Syncfs(int(f.Fd()))
}

// handOver gives home and workspace to the user.
func (b *builder) handOver(_ context.Context, root string) error {
	for _, dir := range []string{"workspace", "home/daytona"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(name, owner, owner) //nolint:gosec // our own tree; nobody else writes to it
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// check finds out before a long build what would make it fail.
func check(dir string) error {
	if os.Geteuid() != 0 {
		return errors.New("building the sandbox base needs root: start it with sudo")
	}
	for _, need := range []struct{ program, hint string }{
		{"mmdebstrap", "apt-get install mmdebstrap"},
		{"npm", "install Node.js with npm"},
	} {
		if _, err := exec.LookPath(need.program); err != nil {
			return fmt.Errorf("%s is not installed: %s", need.program, need.hint)
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	if free := st.Bavail * uint64(st.Bsize); free < room {
		return fmt.Errorf("the sandbox base needs %d MiB free in %s, there are %d", room>>20, dir, free>>20)
	}
	return nil
}

// lock takes an exclusive lock on a file, calling waiting once when it is
// held elsewhere. The kernel frees it when the process dies.
func lock(ctx context.Context, name string, waiting func()) (func(), error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	fd := int(f.Fd())
	err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		waiting()
		got := make(chan error, 1) // one send by the goroutine below
		go func() { got <- unix.Flock(fd, unix.LOCK_EX) }()
		select {
		case err = <-got:
		case <-ctx.Done():
			// The goroutine ends when the other process does; closing the
			// file now would free a number that it still uses.
			go func() {
				err := <-got
				_ = errors.Join(err, f.Close()) // nobody waits for either
			}()
			return nil, context.Cause(ctx)
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// removeTree removes a folder, first unmounting what a killed bootstrap may
// have left mounted in it: to remove files through a mount of the host's /dev
// would be the end of the host.
func removeTree(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	lines := strings.Split(string(mounts), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		fields := strings.Fields(lines[i])
		if len(fields) > 4 && (fields[4] == dir || strings.HasPrefix(fields[4], dir+"/")) {
			if err := unix.Unmount(fields[4], unix.MNT_DETACH); err != nil {
				return fmt.Errorf("unmount %s: %w", fields[4], err)
			}
		}
	}
	return os.RemoveAll(dir)
}

// inOwnGroup makes a cancelled command take its children with it.
func inOwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
