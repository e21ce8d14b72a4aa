//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Start brings a stopped sandbox back; a started one is left alone.
func (c *cell) Start(ctx context.Context) error {
	if c.running() {
		return nil
	}
	if err := c.begin(); err != nil {
		return err
	}
	defer c.op.Unlock()
	switch c.state() {
	case stateStarted:
		return nil
	case stateStopped:
	default:
		return fail(400, "Sandbox is in state %s and can not be started", c.state())
	}
	root, key, err := c.e.catalog.wait(ctx)
	if err != nil {
		return err
	}
	if err := c.update(func(r *record) { r.State, r.ErrorReason = stateStarting, "" }); err != nil {
		return err
	}
	// A start that has begun is ended, whether anybody waits for it or not:
	// visitors of a preview come and go faster than it takes.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
	defer cancel()
	if err := c.wake(ctx, root, key); err != nil {
		c.settle(func(r *record) { r.State, r.ErrorReason = stateStopped, "it did not start: "+firstLine(err) })
		return c.e.told(err, "the sandbox did not start")
	}
	return nil
}

// wake starts a stopped sandbox in the best way there is: whole from its
// memory image, else from its saved files, else anew from what it was made of.
func (c *cell) wake(ctx context.Context, root, key string) error {
	rec := c.snapshot()
	if rec.MemoryKey == key && exists(c.memoryImage()) {
		err := c.launch(ctx, launch{root: rec.Root, memory: c.memoryImage(), token: rec.Token})
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || codeOf(err) == codeNoRoom {
			return err
		}
		c.e.log.Warn("memory image of sandbox is broken; starting from its files", "sandbox", c.id, "error", err)
	}
	if exists(c.filesImage()) {
		return c.launch(ctx, launch{root: root, files: c.filesImage()})
	}
	return c.first(ctx, root)
}

// first starts a sandbox that has no saves.
func (c *cell) first(ctx context.Context, root string) error {
	rec := c.snapshot()
	if rec.Image != "" {
		s, err := c.e.catalog.find(rec.Image)
		if err != nil {
			return err
		}
		if s != nil && s.live() {
			return c.launch(ctx, launch{root: root, memory: s.image(), token: s.Token})
		}
		return fmt.Errorf("snapshot %s is gone", rec.Image)
	}
	return c.launch(ctx, launch{root: root})
}

// launch says how a container comes to life.
type launch struct {
	root   string // root file system
	memory string // memory image to restore, with
	token  string // the token that its toolbox knows
	files  string // or image of its files
}

// launch starts a container and hands its toolbox a token of its own. When it
// returns nil the sandbox is started and its record says so. The caller holds
// op.
func (c *cell) launch(ctx context.Context, l launch) (err error) {
	asked := c.e.now()
	select {
	case c.e.starts <- struct{}{}:
		defer func() { <-c.e.starts }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := room(c.e.cfg.DataDir, c.e.cfg.Reserve); err != nil {
		return err
	}
	begun := c.e.now()
	rec := c.snapshot()
	s, err := c.e.net.take()
	if err != nil {
		return err
	}
	k := container{
		id:      rec.ID + "-" + strconv.Itoa(rec.Run.Generation+1),
		bundle:  filepath.Join(c.dir, "bundle"),
		overlay: filepath.Join(c.dir, "overlay"),
		disk:    rec.Disk,
		log:     filepath.Join(c.dir, "runsc.log"),
	}
	defer func() {
		if err != nil {
			c.discard(context.WithoutCancel(ctx), k.id, s)
		}
	}()
	if l.memory == "" {
		l.token = newToken()
	}
	if err := c.prepare(ctx, &k, l, s, rec); err != nil {
		return err
	}
	// From here the container may exist: a crash must find its name.
	if err := c.note(func(r *record) {
		r.Root = l.root
		r.Run = run{Generation: rec.Run.Generation + 1, Container: k.id, Slot: s.n, Key: c.e.catalog.keyNow()}
	}); err != nil {
		return err
	}
	prepared := c.e.now()
	var pid int
	if l.memory != "" {
		pid, err = c.e.runsc.restore(ctx, k, l.memory)
	} else {
		pid, err = c.e.runsc.run(ctx, k, l.files)
	}
	if err != nil {
		return err
	}
	running := c.e.now()
	if err := offerToOOM(pid); err != nil {
		c.e.log.Warn("a sandbox is not the first to end when memory runs out", "sandbox", c.id, "error", err)
	}
	token := newToken()
	if err := c.note(func(r *record) {
		r.Run.PID, r.Run.StartTime = pid, startTime(pid)
		r.Token, r.NextToken = l.token, token
	}); err != nil {
		return err
	}
	if err := c.handToken(ctx, s, l.token, token); err != nil {
		return err
	}
	if err := c.update(func(r *record) {
		r.Token, r.NextToken = token, ""
		r.PreviewToken = newPreviewToken()
		r.State, r.ErrorReason, r.MemoryKey, r.Resume = stateStarted, "", "", false
	}); err != nil {
		return err
	}
	c.touch()
	c.e.log.Debug("started a sandbox", "sandbox", c.id, "whole", l.memory != "", "queued", begun.Sub(asked),
		"prepared", prepared.Sub(begun), "runsc", running.Sub(prepared), "toolbox", c.e.now().Sub(running))
	// The image is in the past from the first instruction on. What of it is
	// still to be read is open already.
	if err := os.RemoveAll(c.memoryImage()); err != nil {
		c.e.log.Warn("could not remove a used memory image", "sandbox", c.id, "error", err)
	}
	return nil
}

// prepare makes what the container k stands on: its way out, the folder behind
// its overlay, its control groups and its bundle.
func (c *cell) prepare(ctx context.Context, k *container, l launch, s *slot, rec *record) (err error) {
	if err := c.connect(ctx, s); err != nil {
		return err
	}
	if err := os.MkdirAll(k.overlay, 0o700); err != nil {
		return err
	}
	if k.groups, err = c.e.groups.make(rec.ID, Limits{CPU: rec.CPU, Memory: rec.Memory, PIDs: c.e.cfg.Limits.PIDs}); err != nil {
		return err
	}
	return writeBundle(k.bundle, process{
		root: l.root, args: []string{toolboxPath, "serve"}, cwd: "/workspace",
		env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
			"SURGENT_TOOLBOX_TOKEN=" + l.token,
		},
		hostname: "sandbox", netns: s.path(), caps: initCaps, memory: rec.Memory,
	})
}

// discard removes a container and all that was set up for it.
func (c *cell) discard(ctx context.Context, id string, s *slot) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c.disconnect()
	if err := c.e.runsc.remove(ctx, id); err != nil {
		c.e.log.Warn("could not remove a container", "container", id, "error", err)
	}
	kill(c.snapshot().Run, 5*time.Second)
	if s != nil {
		c.e.net.drop(s)
	}
	c.e.groups.remove(c.id)
	// The files behind the overlay are of no use without the container.
	if err := os.RemoveAll(filepath.Join(c.dir, "overlay")); err != nil {
		c.e.log.Warn("could not remove a sandbox's overlay", "sandbox", c.id, "error", err)
	}
}

// Stop saves a sandbox and frees what it used but the disk.
func (c *cell) Stop(ctx context.Context) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer c.op.Unlock()
	if !c.running() {
		return fail(400, "Sandbox is not started")
	}
	return c.stop(ctx, false)
}

// stop saves and ends the container. When the files can't be saved it goes on
// running. The caller holds op.
func (c *cell) stop(ctx context.Context, resume bool) error {
	if err := c.update(func(r *record) { r.State = stateStopping }); err != nil {
		return err
	}
	rec := c.snapshot()
	k := c.container(rec)
	if err := c.saveFiles(ctx, k); err != nil {
		c.settle(func(r *record) { r.State = stateStarted })
		return c.e.told(err, "the sandbox goes on running: its files could not be saved")
	}
	c.disconnectClients()
	memoryKey := ""
	if err := c.saveMemory(ctx, k); err != nil {
		c.e.log.Warn("could not save a sandbox's memory; it will start from its files", "sandbox", c.id, "error", err)
	} else {
		memoryKey = rec.Run.Key
	}
	c.discard(context.WithoutCancel(ctx), k.id, c.slotOf())
	c.settle(func(r *record) {
		r.State, r.StoppedAt, r.MemoryKey, r.Resume = stateStopped, c.e.now().UTC(), memoryKey, resume
		r.Run.PID, r.Run.StartTime = 0, 0
	})
	return nil
}

// container describes the running container for runsc's commands.
func (c *cell) container(rec *record) container {
	return container{
		id: rec.Run.Container, bundle: filepath.Join(c.dir, "bundle"),
		overlay: filepath.Join(c.dir, "overlay"), disk: rec.Disk,
	}
}

func (c *cell) slotOf() *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slot
}

// disconnectClients cuts idle connections, which a checkpoint would otherwise
// have to break.
func (c *cell) disconnectClients() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines != nil {
		c.lines.rest()
	}
}

// rotateToken gives a running sandbox a new token.
func (c *cell) rotateToken(ctx context.Context) error {
	old, token := c.snapshot().Token, newToken()
	if err := c.update(func(r *record) { r.NextToken = token }); err != nil {
		return err
	}
	if err := c.handToken(ctx, c.slotOf(), old, token); err != nil {
		return err
	}
	return c.update(func(r *record) { r.Token, r.NextToken = token, "" })
}

// Delete removes a sandbox in any state and leaves a tombstone.
func (c *cell) Delete(ctx context.Context) error {
	if c.state() == stateDestroying {
		return errBusy()
	}
	c.op.Lock()
	defer c.op.Unlock()
	if s := c.state(); s == stateDestroying || s == stateDestroyed {
		return errNoSandbox(c.id)
	}
	return c.destroy(ctx)
}

// destroy removes the sandbox. The caller holds op.
func (c *cell) destroy(ctx context.Context) error {
	if err := c.update(func(r *record) { r.State = stateDestroying }); err != nil {
		// A full disk must not keep anybody from freeing it.
		c.e.log.Warn("could not note that a sandbox is being deleted", "sandbox", c.id, "error", err)
	}
	rec := c.snapshot()
	rec.State = stateDestroying
	c.become(rec)
	if rec.Run.Container != "" {
		c.discard(context.WithoutCancel(ctx), rec.Run.Container, c.slotOf())
	}
	// Out of the way at once, so that a crash leaves no half of it.
	gone := c.dir + goneSuffix
	if err := os.Rename(c.dir, gone); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete sandbox %s: %w", c.id, err)
	}
	rec = rec.clone()
	rec.State = stateDestroyed
	c.become(rec)
	c.e.forget(rec)
	if err := os.RemoveAll(gone); err != nil {
		return fmt.Errorf("delete sandbox %s: %w", c.id, err)
	}
	return nil
}

// goneSuffix marks folders of deleted sandboxes.
const goneSuffix = ".gone"

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
