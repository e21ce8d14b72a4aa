//go:build linux

package base_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"surgent.dev/surgent/sandbox/engine/base"
)

func recipe() fstest.MapFS {
	return fstest.MapFS{
		"recipe.json":  {Data: []byte(`{"name":"env:1","suite":"bookworm","packages":["git"],"node":"24","bun":"1"}`)},
		"package.json": {Data: []byte(`{}`)},
	}
}

func TestLoadRecipe(t *testing.T) {
	t.Parallel()
	r, err := base.LoadRecipe(recipe())
	if err != nil || r.Name != "env:1" || len(r.Packages) != 1 || r.PackageLock != nil {
		t.Errorf("%+v, %v", r, err)
	}
	for name, change := range map[string]func(fstest.MapFS){
		"no recipe":       func(fs fstest.MapFS) { delete(fs, "recipe.json") },
		"no package list": func(fs fstest.MapFS) { delete(fs, "package.json") },
		"no JSON":         func(fs fstest.MapFS) { fs["recipe.json"].Data = []byte("x") },
		"no suite":        func(fs fstest.MapFS) { fs["recipe.json"].Data = []byte(`{"name":"a","node":"1","bun":"1"}`) },
	} {
		fs := recipe()
		change(fs)
		if _, err := base.LoadRecipe(fs); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The recipe of the program itself is whole.
func TestDefaultRecipe(t *testing.T) {
	t.Parallel()
	r, err := base.LoadRecipe(os.DirFS("../../../snapshots/default-env"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "default-env:1.0.0" || r.Suite != "bookworm" || len(r.PackageLock) == 0 {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"git", "ripgrep", "ca-certificates", "procps"} {
		if !strings.Contains(" "+strings.Join(r.Packages, " ")+" ", " "+want+" ") {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(string(r.PackageLock), `"resolved"`) {
		t.Error("the lock names a registry")
	}
}

// A build that can't be names what is missing and leaves nothing behind.
func TestEnsureSaysWhatIsMissing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("building a base needs root")
	}
	r, err := base.LoadRecipe(recipe())
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	t.Setenv("PATH", t.TempDir())
	_, err = base.Ensure(t.Context(), base.Config{CacheDir: cache, Recipe: r, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "apt-get install mmdebstrap") || strings.Contains(err.Error(), "\n") {
		t.Errorf("without mmdebstrap: %v", err)
	}

	// A bootstrap that fails, and one that never ends.
	bin := t.TempDir()
	script := func(name, text string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script("npm", "exit 0")
	script("mmdebstrap", "echo 'I: downloading packages with apt...'; echo 'E: Failed to fetch x: cannot reach the mirror' >&2; echo 'I: good bye'; echo 'E: failed' >&2; exit 25")
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	var steps []string
	_, err = base.Ensure(t.Context(), base.Config{
		CacheDir: cache, Recipe: r, Logger: slog.New(slog.DiscardHandler), Step: func(s string) { steps = append(steps, s) },
	})
	if err == nil || !strings.Contains(err.Error(), "cannot reach the mirror") || !strings.Contains(err.Error(), "SURGENT_BASE_IMAGE") ||
		!slices.Equal(steps, []string{"Read Debian's package lists", "Download Debian packages"}) {
		t.Errorf("with a failing bootstrap: %v after %v", err, steps)
	}
	script("mmdebstrap", "sleep 1000")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = base.Ensure(ctx, base.Config{
		CacheDir: cache, Recipe: r, Logger: slog.New(slog.DiscardHandler), Step: func(string) { cancel(errStop) },
	})
	if !errors.Is(err, errStop) {
		t.Errorf("cancelled: %v", err)
	}
	entries, err := filepath.Glob(filepath.Join(cache, "base", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e, ".lock") {
			t.Errorf("%s was left behind", e)
		}
	}
}

var errStop = errors.New("stop")

// A disk that runs full in the middle of a build is told as that, and nothing
// of the build stays.
func TestDiskRunsFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("building a base needs root")
	}
	cache := t.TempDir()
	if err := unix.Mount("tmpfs", cache, "tmpfs", 0, "size=3g,nr_inodes=20"); err != nil { // full of files, not of bytes
		t.Skipf("no file system of its own: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(cache, unix.MNT_DETACH) })
	bin := t.TempDir()
	for name, text := range map[string]string{
		"npm":        "exit 0",
		"mmdebstrap": "i=0; while touch " + cache + "/$i 2>/dev/null; do i=$((i+1)); done; echo 'E: tar failed'; exit 25",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	r, err := base.LoadRecipe(recipe())
	if err != nil {
		t.Fatal(err)
	}
	_, err = base.Ensure(t.Context(), base.Config{CacheDir: cache, Recipe: r, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "ran full") || !strings.Contains(err.Error(), "SURGENT_CACHE") {
		t.Errorf("got %v", err)
	}
	if found, err := filepath.Glob(filepath.Join(cache, "base", "*.tmp")); err != nil || len(found) > 0 {
		t.Errorf("left behind: %v, %v", found, err)
	}
}
