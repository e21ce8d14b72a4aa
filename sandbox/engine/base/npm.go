//go:build linux

package base

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// pack fetches one npm package with the host's npm and unpacks the files that
// want names into root. want maps a path in the package to a path in root; a
// path that ends in "/" takes the whole folder.
func (b *builder) pack(ctx context.Context, spec, root string, want map[string]string) error {
	dir, err := os.MkdirTemp(b.tmp, "pack-")
	if err != nil {
		return err
	}
	if err := b.run(ctx, dir, "npm", "pack", "--ignore-scripts", "--silent", spec); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("npm pack %s left %d archives: %w", spec, len(archives), err)
	}
	n, err := unpack(archives[0], root, want)
	if err == nil && n == 0 {
		err = errors.New("the package holds none of the expected files")
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", spec, err)
	}
	return os.RemoveAll(dir)
}

// unpack writes the wanted files of an npm archive below root and counts them.
func unpack(archive, root string, want map[string]string) (int, error) {
	f, err := os.Open(archive)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, err
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return 0, err
	}
	defer func() { _ = dir.Close() }()
	n := 0
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/") // below "package/"
		to := destination(name, want)
		if to == "" || h.Typeflag != tar.TypeReg {
			continue
		}
		if err := dir.MkdirAll(path.Dir(to), 0o755); err != nil {
			return n, err
		}
		// Archives of npm carry only whether a file is executable.
		mode := os.FileMode(0o644 | h.Mode&0o111)
		out, err := dir.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
		if err != nil {
			return n, err
		}
		if _, err := io.Copy(out, t); err != nil { //nolint:gosec // npm checked the archive against the registry's hash
			_ = out.Close()
			return n, err
		}
		if err := out.Close(); err != nil {
			return n, err
		}
		n++
	}
}

// destination says where want puts the package's file name, "" for nowhere.
func destination(name string, want map[string]string) string {
	for from, to := range want {
		if name == from {
			return to
		}
		if rest, ok := strings.CutPrefix(name, from); ok && (from == "" || strings.HasSuffix(from, "/")) {
			return to + rest
		}
	}
	return ""
}

// runtimes puts Node.js, npm and Bun into root.
func (b *builder) runtimes(ctx context.Context, root string) error {
	if err := b.pack(ctx, b.machine.nodePackage+"@"+b.recipe.Node, root, map[string]string{"bin/node": "usr/local/bin/node"}); err != nil {
		return err
	}
	if err := b.pack(ctx, b.machine.bunPackage+"@"+b.recipe.Bun, root, map[string]string{"bin/bun": "usr/local/bin/bun"}); err != nil {
		return err
	}
	links := map[string]string{"bunx": "bun"}
	if b.recipe.NPM != "" {
		if err := b.pack(ctx, "npm@"+b.recipe.NPM, root, map[string]string{"": "usr/local/lib/node_modules/npm/"}); err != nil {
			return err
		}
		links["npm"] = "../lib/node_modules/npm/bin/npm-cli.js"
		links["npx"] = "../lib/node_modules/npm/bin/npx-cli.js"
		for _, script := range []string{"npm-cli.js", "npx-cli.js"} {
			if err := os.Chmod(filepath.Join(root, "usr/local/lib/node_modules/npm/bin", script), 0o755); err != nil {
				return err
			}
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, "usr/local/bin", name)); err != nil {
			return err
		}
	}
	for _, name := range []string{"node", "bun"} {
		if err := os.Chmod(filepath.Join(root, "usr/local/bin", name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// dependencies installs the recipe's npm packages into /workspace of root.
func (b *builder) dependencies(ctx context.Context, root string) error {
	dir := filepath.Join(b.tmp, "deps")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), b.recipe.PackageJSON, 0o600); err != nil {
		return err
	}
	if len(b.recipe.PackageLock) > 0 {
		if err := os.WriteFile(filepath.Join(dir, "package-lock.json"), b.recipe.PackageLock, 0o600); err != nil {
			return err
		}
	}
	// Not "npm ci": it finds fault with locks of packages that are optional
	// on other platforms, which "npm install" itself wrote.
	if err := b.run(ctx, dir, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
		"--os=linux", "--cpu="+b.machine.cpu, "--libc=glibc"); err != nil {
		return err
	}
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(modules); errors.Is(err, os.ErrNotExist) {
		return nil // a recipe without dependencies
	}
	// npm's private list of what it put there names the registry.
	if err := os.RemoveAll(filepath.Join(modules, ".package-lock.json")); err != nil {
		return err
	}
	return os.Rename(modules, filepath.Join(root, "workspace/node_modules"))
}

// run runs one program with the host's environment; a failure carries the
// gist of what it wrote.
func (b *builder) run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	inOwnGroup(cmd)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s: %w: %s", name, err, gist(out.String()))
	}
	return nil
}

// gist returns the lines of a program's output that tell most, in one: the
// first two, where npm says what is wrong, and the last two.
func gist(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) > 4 {
		lines = append(lines[:2:2], lines[len(lines)-2:]...)
	}
	return strings.Join(lines, " | ")
}
