package workerd

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// The pinned runtime. newestDate is the newest compatibility date that it
// knows; it refuses to start with a newer one.
const (
	runtimeVersion = "1.20261012.1"
	newestDate     = "2026-10-19"
	maxBinaryBytes = 256 << 20
)

// packages names, for each architecture, the npm package with the binary and
// the SHA-512 of its archive.
var packages = map[string]struct{ name, sha512 string }{
	"amd64": {"@cloudflare/workerd-linux-64", "uMe7ONHnLxStD1Ye0YFHBO36uj4cStv5P53rW+5GVWXFT8BRjqVixlH0IqCAHe1Pmcwyd1+7fVoGde89MZSCJg=="},
	"arm64": {"@cloudflare/workerd-linux-arm64", "I0VMdcXk7ygG5vYDce0ePTBFdnBXC0i9WiBY5mWiv0iTinbfea6/rHqSQ7B1UMpjgrYVs9E0m4bZ9ufsk5GCFA=="},
}

// Runtime brings the workerd binary. It is fetched once, with the host's own
// npm and its configuration, checked against the pinned hash, and kept.
type Runtime struct {
	// Dir is where it is kept, shared by all data folders of the host.
	Dir string
	// Npm is the client's name or path; "" is npm.
	Npm string

	mu sync.Mutex
}

// Path returns the binary's path, fetching it when it isn't there yet, which
// progress is told.
func (rt *Runtime) Path(ctx context.Context, progress func(string)) (string, error) {
	path := filepath.Join(rt.Dir, "workerd-"+runtimeVersion)
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return path, nil
	}
	pkg, ok := packages[runtime.GOARCH]
	if !ok || runtime.GOOS != "linux" {
		return "", fmt.Errorf("fetch workerd: there is none for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	progress("Fetching the Workers runtime, once for this machine")
	// Open to others: the box's user reads from it.
	if err := os.MkdirAll(rt.Dir, 0o755); err != nil {
		return "", fmt.Errorf("fetch workerd: %w", err)
	}
	work, err := os.MkdirTemp(rt.Dir, "fetch-")
	if err != nil {
		return "", fmt.Errorf("fetch workerd: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // what a failed removal leaves is never looked at
	archive, err := rt.pack(ctx, work, pkg.name+"@"+runtimeVersion)
	if err != nil {
		return "", fmt.Errorf("fetch workerd: %w", err)
	}
	binary := filepath.Join(work, "workerd")
	if err := unpack(archive, pkg.sha512, binary); err != nil {
		return "", fmt.Errorf("fetch workerd: %w", err)
	}
	if err := os.Rename(binary, path); err != nil {
		return "", fmt.Errorf("fetch workerd: %w", err)
	}
	return path, nil
}

// pack downloads the package's archive, running none of its scripts.
func (rt *Runtime) pack(ctx context.Context, dir, spec string) (string, error) {
	npm := rt.Npm
	if npm == "" {
		npm = "npm"
	}
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", dir, spec)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("npm pack %s: %w: %s", spec, err, strings.TrimSpace(stderr.String()))
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return filepath.Join(dir, filepath.Base(lines[len(lines)-1])), nil
}

// unpack checks the archive and writes the binary in it to path.
func unpack(archive, wantSum, path string) (err error) {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != wantSum {
		return fmt.Errorf("the archive's hash is %s, want %s", got, wantSum)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for entries := tar.NewReader(unzipped); ; {
		header, err := entries.Next()
		if err != nil {
			return fmt.Errorf("find bin/workerd in the archive: %w", err)
		}
		if header.Name != "package/bin/workerd" {
			continue
		}
		out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, io.LimitReader(entries, maxBinaryBytes))
		return errors.Join(err, out.Sync(), out.Close())
	}
}
