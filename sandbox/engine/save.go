//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// filesImage and memoryImage are the saves in a sandbox's folder.
func (c *cell) filesImage() string  { return filepath.Join(c.dir, "files") }
func (c *cell) memoryImage() string { return filepath.Join(c.dir, "memory") }

// Backup saves the files of a running sandbox.
func (c *cell) Backup(ctx context.Context) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer c.op.Unlock()
	if !c.running() {
		return nil // saved when it stopped
	}
	return c.saveFiles(ctx, c.container(c.snapshot()))
}

// saveFiles replaces the files image. The caller holds op.
func (c *cell) saveFiles(ctx context.Context, k container) error {
	began := c.e.now().UTC()
	tmp := c.filesImage() + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := c.e.runsc.saveFiles(ctx, k, tmp); err != nil {
		return err
	}
	// This is what a crash of the machine leaves of the sandbox. The memory
	// image may break in one: then the files are what counts.
	if err := syncFiles(tmp); err != nil {
		return err
	}
	if err := replaceDir(tmp, c.filesImage()); err != nil {
		return err
	}
	c.saveCost.Store(int64(c.e.now().Sub(began)))
	return c.update(func(r *record) { r.SavedAt = began })
}

// saveMemory replaces the memory image and ends the container.
func (c *cell) saveMemory(ctx context.Context, k container) error {
	tmp := c.memoryImage() + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := c.e.runsc.saveMemory(ctx, k, tmp, false); err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return replaceDir(tmp, c.memoryImage())
}

// syncFiles waits until the files in dir are on disk.
func syncFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		err = f.Sync()
		_ = f.Close() // it was only read
		if err != nil {
			return err
		}
	}
	return nil
}

// replaceDir puts the folder from in the place of to. Between its two steps a
// crash leaves the old one under another name, which recoverDir brings back.
func replaceDir(from, to string) error {
	old := to + ".old"
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(to, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// recoverDir ends what a crash in the middle of replaceDir left.
func recoverDir(to string) error {
	if !exists(to) {
		if err := os.Rename(to+".old", to); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return errors.Join(os.RemoveAll(to+".tmp"), os.RemoveAll(to+".old"))
}

// freeze makes a live snapshot of a running sandbox, which goes on running
// with a new token: the old one is in the snapshot.
func (c *cell) freeze(ctx context.Context, name string) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer c.op.Unlock()
	if !c.running() {
		return fail(400, "Sandbox is not started")
	}
	rec := c.snapshot()
	if rec.Run.Key != c.e.catalog.keyNow() {
		return fail(409, "the sandbox was started by another version of the engine: stop and start it first")
	}
	k := c.container(rec)
	c.disconnectClients()
	err := c.e.catalog.add(&snapshot{
		ID: name, Name: name, State: "active", Source: c.id, CreatedAt: c.e.now().UTC(), Token: rec.Token,
	}, func(image string) error { return c.e.runsc.saveMemory(ctx, k, image, true) })
	if err != nil {
		return fmt.Errorf("freeze sandbox %s: %w", c.id, err)
	}
	return c.rotateToken(ctx)
}
