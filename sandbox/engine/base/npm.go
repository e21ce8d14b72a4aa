//go:build linux

package base

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// pack fetches one npm package with the host's npm and unpacks the files that
// want names into the tree. want maps a path in the package to a path in root; a
// path that ends in "/" takes the whole folder.
func (b *builder) pack(ctx context.Context, spec string, to *tree, want map[string]string) error {
	dir, err := os.MkdirTemp(b.tmp, "pack-")
	if err != nil {
		return err
	}
	if err := b.run(ctx, dir, nil, "npm", "pack", "--ignore-scripts", "--silent", spec); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil {
		return err
	}
	if len(archives) != 1 {
		return fmt.Errorf("npm pack %s left %d archives, not one", spec, len(archives))
	}
	n, err := unpack(archives[0], to, want)
	if err == nil && n == 0 {
		err = errors.New("the package holds none of the expected files")
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", spec, err)
	}
	return os.RemoveAll(dir)
}

// unpack writes the wanted files of an npm archive into the tree and counts
// them.
func unpack(archive string, into *tree, want map[string]string) (int, error) {
	f, err := os.Open(archive)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, err
	}
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
		out, err := into.create(to, 0o644)
		if err != nil {
			return n, err
		}
		if _, err := io.Copy(out, t); err != nil { //nolint:gosec // npm checked the archive against the registry's hash
			_ = out.Close()
			return n, err
		}
		// Archives of npm carry only whether a file is executable.
		if err := errors.Join(out.Chmod(os.FileMode(0o644|h.Mode&0o111)), out.Close()); err != nil {
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

// runtimes puts Node.js, npm and Bun into the tree, in the place of those that
// an image may hold, and ripgrep where it is missing.
func (b *builder) runtimes(ctx context.Context, t *tree) error {
	const npm = "usr/local/lib/node_modules/npm"
	for _, p := range []struct {
		spec string
		want map[string]string
		skip bool
	}{
		{spec: b.machine.nodePackage + "@" + b.recipe.Node, want: map[string]string{"bin/node": "usr/local/bin/node"}},
		{spec: b.machine.bunPackage + "@" + b.recipe.Bun, want: map[string]string{"bin/bun": "usr/local/bin/bun"}},
		{spec: "npm@" + b.recipe.NPM, want: map[string]string{"": npm + "/"}, skip: b.recipe.NPM == ""},
		{
			spec: b.machine.ripgrepPackage + "@" + b.recipe.Ripgrep, want: map[string]string{"bin/rg": "usr/local/bin/rg"},
			skip: b.recipe.Ripgrep == "" || t.find("rg") != "",
		},
	} {
		if p.skip {
			continue
		}
		if strings.HasPrefix(p.spec, "npm@") {
			if err := t.delete(npm); err != nil {
				return err
			}
		}
		if err := b.pack(ctx, p.spec, t, p.want); err != nil {
			return err
		}
	}
	links := map[string]string{"bunx": "bun"}
	programs := []string{"usr/local/bin/node", "usr/local/bin/bun"}
	if b.recipe.NPM != "" {
		for name, script := range map[string]string{"npm": "/bin/npm-cli.js", "npx": "/bin/npx-cli.js"} {
			links[name] = "../lib/node_modules/npm" + script
			programs = append(programs, npm+script)
		}
	}
	for name, target := range links {
		if err := t.link(target, "usr/local/bin/"+name); err != nil {
			return err
		}
	}
	for _, name := range programs {
		at, err := t.resolve(name)
		if err != nil {
			return err
		}
		if err := t.root.Chmod(at, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// dependencies installs the recipe's npm packages into /workspace of the tree,
// which is a folder of its own making.
func (b *builder) dependencies(ctx context.Context, t *tree) error {
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
	if err := b.run(ctx, dir, nil, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
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
	return os.Rename(modules, filepath.Join(t.root.Name(), "workspace/node_modules"))
}
