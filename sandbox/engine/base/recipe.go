//go:build linux

package base

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// format counts changes of what Ensure does with a recipe, so that a newer
// program does not take an older program's root file system for its own.
const format = 3

// Recipe says what a base root file system consists of.
type Recipe struct {
	// Name is the snapshot's name, such as "default-env:1.0.0".
	Name string `json:"name"`
	// Suite is the Debian release the packages come from.
	Suite string `json:"suite"`
	// Packages are Debian packages to install beside the minimal set.
	Packages []string `json:"packages"`
	// Image is the OCI image to start from where there are no Debian packages
	// to be had; "" for none.
	Image string `json:"image"`
	// Node, NPM and Bun are version ranges of the npm packages to take, and so
	// is Ripgrep, for an image without it.
	Node    string `json:"node"`
	NPM     string `json:"npm"`
	Bun     string `json:"bun"`
	Ripgrep string `json:"ripgrep"`
	// PackageJSON and PackageLock describe what is installed into
	// /workspace/node_modules. The lock may be empty.
	PackageJSON []byte `json:"-"`
	PackageLock []byte `json:"-"`
}

// LoadRecipe reads recipe.json, package.json and, when there is one,
// package-lock.json from dir.
func LoadRecipe(dir fs.FS) (*Recipe, error) {
	text, err := fs.ReadFile(dir, "recipe.json")
	if err != nil {
		return nil, fmt.Errorf("read recipe: %w", err)
	}
	var r Recipe
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read recipe: %w", err)
	}
	if r.PackageJSON, err = fs.ReadFile(dir, "package.json"); err != nil {
		return nil, fmt.Errorf("read recipe: %w", err)
	}
	r.PackageLock, err = fs.ReadFile(dir, "package-lock.json")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read recipe: %w", err)
	}
	if r.Name == "" || r.Suite == "" || r.Node == "" || r.Bun == "" {
		return nil, errors.New("read recipe: name, suite, node and bun must be set")
	}
	return &r, nil
}

// key is the content address of what the recipe builds on this kind of
// machine: from Debian packages, or from an image when one is given.
func (r *Recipe) key(m machine, from *image) string {
	above := fmt.Sprintf("%q %q %q %q %q %q %q", r.Node, r.NPM, r.Bun, r.PackageJSON, r.PackageLock, m.nodePackage, m.bunPackage)
	if from != nil {
		return hash("%d image %q %q %q %s", format, from.pinned.DigestStr(), r.Ripgrep, m.ripgrepPackage, above)
	}
	packages := slices.Clone(r.Packages)
	slices.Sort(packages)
	return hash("%d %q %q %s", format, r.Suite, packages, above)
}

// hash returns a short content address. The parts must be quoted where they
// could run together.
func hash(format string, args ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	return hex.EncodeToString(sum[:])[:16]
}
