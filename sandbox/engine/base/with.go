//go:build linux

package base

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// With returns a root file system that is the base with one program more, and
// its content address. Files are shared with the base by hard links, so that a
// new program costs a second and no space.
func (b *Base) With(ctx context.Context, name string, program []byte) (root, key string, err error) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "1 %s %q ", b.Key, name)
	h.Write(program)
	key = hex.EncodeToString(h.Sum(nil))[:16]
	parent := filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(b.Root))), "roots")
	done := filepath.Join(parent, key)
	root = filepath.Join(done, "root")
	if _, err := os.Stat(root); err == nil {
		return root, key, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", "", err
	}
	unlock, err := lock(ctx, filepath.Join(parent, key+".lock"), func() {})
	if err != nil {
		return "", "", fmt.Errorf("lock root %s: %w", key, err)
	}
	defer unlock()
	if _, err := os.Stat(root); err == nil {
		return root, key, nil
	}
	tmp := filepath.Join(parent, key+".tmp")
	if err := RemoveTree(tmp); err != nil {
		return "", "", err
	}
	if err := share(b.Root, filepath.Join(tmp, "root")); err != nil {
		return "", "", fmt.Errorf("share base %s: %w", b.Key, err)
	}
	t, err := openTree(filepath.Join(tmp, "root"))
	if err != nil {
		return "", "", err
	}
	defer t.close()
	if err := t.write(name, program, 0o755); err != nil {
		return "", "", fmt.Errorf("write %s: %w", name, err)
	}
	return root, key, os.Rename(tmp, done)
}

// share copies a tree's folders and links, and hard-links its files.
func share(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			if err := os.Mkdir(dst, 0o700); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			return os.Link(name, dst) //nolint:gosec // as below
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, dst); err != nil { //nolint:gosec // a finished base; nobody writes to it
				return err
			}
		default:
			return nil // device nodes: a sandbox has a /dev of its own
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			if err := os.Lchown(dst, int(st.Uid), int(st.Gid)); err != nil {
				return err
			}
		}
		if d.IsDir() {
			// After the owner, whose change clears some bits.
			return os.Chmod(dst, info.Mode())
		}
		return nil
	})
}
