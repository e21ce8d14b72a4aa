//go:build linux

package base

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

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
	// Image is the OCI image to start from, such as "node:24-bookworm". When
	// empty, the base is made from Debian packages, or, on a host that has
	// neither mmdebstrap nor apt, from the recipe's image.
	Image  string
	Logger *slog.Logger
	// Step is told what the build does now, in a few words. It may be nil.
	Step func(string)
}

// Base is a finished base.
type Base struct {
	Key  string // its content address
	Root string // the root file system; never to be written
	// Image is the OCI image that it was made from, with its digest; "" when it
	// was made from Debian packages.
	Image string
}

// builder is one build.
type builder struct {
	recipe  *Recipe
	machine machine
	image   *image // nil for Debian packages
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
	if cfg.Step == nil {
		cfg.Step = func(string) {}
	}
	dir := filepath.Join(cfg.CacheDir, "base")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the cache folder: %w", err)
	}
	reference, cached, err := cfg.source(dir, m)
	if err != nil || cached != nil {
		return cached, err
	}
	if reference == "" {
		return cfg.ensure(ctx, dir, m, nil)
	}
	done, err := cfg.fromImage(ctx, dir, m, reference)
	if err != nil && cfg.Image == "" && ctx.Err() == nil {
		err = fmt.Errorf("there are no Debian packages here (neither mmdebstrap nor apt-get), and no image in their place: %w; "+
			"SURGENT_BASE_IMAGE names another, for example a Debian image with git", err)
	}
	return done, err
}

// source chooses what to make the base from: an image's reference, or "" for
// Debian packages. Or it finds a base that stands already: what was chosen
// once stays, although mmdebstrap or apt come or go.
func (cfg *Config) source(dir string, m machine) (reference string, cached *Base, err error) {
	if cfg.Image == "" {
		if cached := find(dir, cfg.Recipe.key(m, nil), nil); cached != nil {
			return "", cached, nil
		}
	}
	reference = cfg.Image
	if reference == "" {
		reference = cfg.Recipe.Image
	}
	if reference == "" {
		return "", nil, nil
	}
	pinned, err := readPin(dir, reference, m)
	if err != nil {
		return "", nil, err
	}
	if pinned != nil {
		if cached := find(dir, cfg.Recipe.key(m, pinned), pinned); cached != nil {
			return "", cached, nil
		}
	}
	if cfg.Image == "" {
		for _, program := range []string{"mmdebstrap", "apt-get"} {
			if _, err := exec.LookPath(program); err == nil {
				return "", nil, nil
			}
		}
	}
	return reference, nil, nil
}

// find returns a base of the cache, nil when there is none.
func find(dir, key string, from *image) *Base {
	b := &Base{Key: key, Root: filepath.Join(dir, key, "root")}
	if from != nil {
		b.Image = from.ref.String() + "@" + from.pinned.DigestStr()
	}
	if _, err := os.Stat(b.Root); err != nil {
		return nil
	}
	return b
}

// fromImage returns the base of what the reference stands for now, and
// remembers that.
func (cfg *Config) fromImage(ctx context.Context, dir string, m machine, reference string) (*Base, error) {
	cfg.Step("Ask the registry for the image " + reference)
	from, err := resolveImage(ctx, reference, m)
	if err != nil {
		return nil, err
	}
	done, err := cfg.ensure(ctx, dir, m, from)
	if err != nil {
		return nil, err
	}
	if err := writePin(dir, reference, m, from.pinned.DigestStr()); err != nil {
		return nil, fmt.Errorf("remember the image %s: %w", reference, err)
	}
	return done, nil
}

// ensure finds or builds one base.
func (cfg *Config) ensure(ctx context.Context, dir string, m machine, from *image) (*Base, error) {
	key := cfg.Recipe.key(m, from)
	if done := find(dir, key, from); done != nil {
		return done, nil
	}
	unlock, err := lock(ctx, filepath.Join(dir, key+".lock"), func() { cfg.Step("Wait for another process that builds the base") })
	if err != nil {
		return nil, fmt.Errorf("lock base %s: %w", key, err)
	}
	defer unlock()
	if done := find(dir, key, from); done != nil {
		return done, nil // built while we waited
	}
	if err := check(dir, from != nil); err != nil {
		return nil, err
	}
	cfg.removeStale(dir, key)
	tmp, err := os.MkdirTemp(dir, key+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("make the cache folder: %w", err)
	}
	b := &builder{recipe: cfg.Recipe, machine: m, image: from, tmp: tmp, step: cfg.Step}
	defer func() {
		if err := RemoveTree(b.tmp); err != nil {
			cfg.Logger.Warn("could not remove a temporary folder", "path", b.tmp, "error", err)
		}
	}()
	if err := b.build(ctx, filepath.Join(dir, key)); err != nil {
		if full(dir) {
			return nil, fmt.Errorf("build the sandbox base: the disk of %s ran full: free some, or set SURGENT_CACHE to a folder on another disk (%w)", dir, err)
		}
		return nil, fmt.Errorf("build the sandbox base: %w", err)
	}
	return find(dir, key, from), nil
}

// removeStale removes what killed builds left behind. Programs that they
// started may still be writing there, so each build has a folder of its own.
func (cfg *Config) removeStale(dir, key string) {
	stale, err := filepath.Glob(filepath.Join(dir, key+".*.tmp"))
	if err != nil {
		return // the pattern is a good one
	}
	for _, old := range stale {
		if err := RemoveTree(old); err != nil {
			cfg.Logger.Warn("could not remove an unfinished base; the next build tries again", "path", old, "error", err)
		}
	}
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
	if b.image == nil {
		b.step("Read Debian's package lists")
		if err := b.debian(ctx, root); err != nil {
			return err
		}
	} else if err := b.unpackImage(ctx, root); err != nil {
		return err
	}
	t, err := openTree(root)
	if err != nil {
		return err
	}
	defer t.close()
	for _, part := range []struct {
		step string
		do   func(context.Context, *tree) error
	}{
		{"Add Node.js and Bun", b.runtimes},
		{"Prepare the system", b.system},
		{"Check what is there", b.check},
		{"Install npm packages", b.dependencies},
		{"Hand the workspace over", b.handOver},
	} {
		b.step(part.step)
		if err := part.do(ctx, t); err != nil {
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
func (b *builder) handOver(_ context.Context, t *tree) error {
	return errors.Join(t.chown("workspace", owner), t.chown("home/daytona", owner))
}

// check finds out before a long build what would make it fail.
func check(dir string, fromImage bool) error {
	if os.Geteuid() != 0 {
		return errors.New("building the sandbox base needs root: start it with sudo")
	}
	needs := []struct{ program, hint string }{
		{"mmdebstrap", "apt-get install mmdebstrap, or set SURGENT_BASE_IMAGE to an image to start from, for example a Debian image with git"},
		{"npm", "install Node.js with npm"},
	}
	if fromImage {
		needs = needs[1:]
	}
	for _, need := range needs {
		if _, err := exec.LookPath(need.program); err != nil {
			return fmt.Errorf("%s is not installed: %s", need.program, need.hint)
		}
	}
	return needRoom(dir, room)
}

// full tells whether a disk has next to nothing left. Programs that ran into
// that say it in many ways.
func full(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && (int64(st.Bavail)*st.Bsize < 16<<20 || st.Files > 0 && st.Ffree == 0)
}

// needRoom refuses a disk that has fewer than need bytes left.
func needRoom(dir string, need int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	if free := int64(st.Bavail) * st.Bsize; free < need {
		return fmt.Errorf("the sandbox base needs %d MiB free in %s, there are %d: free some, or set SURGENT_CACHE to a folder on another disk", need>>20, dir, free>>20)
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

// RemoveTree removes a folder, first unmounting what a killed bootstrap may
// have left mounted in it: to remove files through a mount of the host's /dev
// would be the end of the host.
func RemoveTree(dir string) error {
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
