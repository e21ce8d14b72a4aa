//go:build linux

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"surgent.dev/surgent/sandbox/engine/base"
)

// keepUnused is how long what no engine uses stays in the cache. A new version
// of the program makes all of it anew; going back to an old one should not, for
// a while.
const keepUnused = 7 * 24 * time.Hour

// usedMark is the file in a cached folder whose time says when an engine used
// it last. Engines that run renew it every day.
const usedMark = "used"

// markUsed says that the folders are in use.
func markUsed(now time.Time, dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		name := filepath.Join(dir, usedMark)
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			return err
		}
		if err := os.Chtimes(name, now, now); err != nil {
			return err
		}
	}
	return nil
}

// prune removes the folders in parent that nobody has used for long. Folders
// without a mark are just being made, or get one now.
func prune(now time.Time, parent string) (removed []string, err error) {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("prune cache: %w", err)
	}
	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())
		if !e.IsDir() {
			continue
		}
		if strings.Contains(e.Name(), ".") {
			err = errors.Join(err, removeHalf(now, dir))
			continue
		}
		info, serr := os.Stat(filepath.Join(dir, usedMark))
		if errors.Is(serr, fs.ErrNotExist) {
			err = errors.Join(err, markUsed(now, dir))
			continue
		}
		if serr != nil || now.Sub(info.ModTime()) < keepUnused {
			err = errors.Join(err, serr)
			continue
		}
		// Out of the way first: nobody may take half of it for the whole.
		gone := dir + ".gone"
		if rerr := os.Rename(dir, gone); rerr != nil {
			err = errors.Join(err, rerr)
			continue
		}
		err = errors.Join(err, os.RemoveAll(gone))
		removed = append(removed, dir)
	}
	return removed, err
}

// halfAfter is when a folder that is being made or removed, and has not changed,
// is what a killed process left.
const halfAfter = 24 * time.Hour

// removeHalf removes such a folder when it is old enough.
func removeHalf(now time.Time, dir string) error {
	if !strings.HasSuffix(dir, ".tmp") && !strings.HasSuffix(dir, ".gone") {
		return nil
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && now.Sub(info.ModTime()) < halfAfter {
		return nil
	}
	if err != nil {
		return err
	}
	return base.RemoveTree(dir)
}

// tidy marks what this engine uses of the cache and prunes the rest.
func (c *catalog) tidy() {
	c.mu.Lock()
	root, key, baseDir := c.root, c.key, c.baseDir
	c.mu.Unlock()
	if key == "" {
		return
	}
	now := c.cfg.Now()
	if err := markUsed(now, filepath.Dir(root), baseDir, filepath.Join(c.cfg.CacheDir, "live", key)); err != nil {
		c.cfg.Logger.Warn("could not mark the cache as used", "error", err)
		return // and prune nothing that may be in use
	}
	for _, kind := range []string{"live", "roots", "base"} {
		removed, err := prune(now, filepath.Join(c.cfg.CacheDir, kind))
		if err != nil {
			c.cfg.Logger.Warn("could not prune the cache", "error", err)
		}
		for _, dir := range removed {
			c.cfg.Logger.Info("removed from the cache what nothing used for long", "path", dir)
		}
	}
}
