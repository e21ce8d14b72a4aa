//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// adopt reads the sandboxes in the data folder, takes over those that run, and
// removes what belongs to none.
func (e *Engine) adopt(ctx context.Context) error {
	entries, err := os.ReadDir(e.cfg.DataDir)
	if err != nil {
		return fmt.Errorf("read sandboxes: %w", err)
	}
	var running []*cell
	for _, entry := range entries {
		if !entry.IsDir() || entry.Name() == boxesDir {
			continue
		}
		dir := filepath.Join(e.cfg.DataDir, entry.Name())
		if strings.HasSuffix(entry.Name(), goneSuffix) {
			if err := os.RemoveAll(dir); err != nil {
				return fmt.Errorf("remove a deleted sandbox: %w", err)
			}
			continue
		}
		rec, err := readRecord(dir)
		if errors.Is(err, os.ErrNotExist) {
			// A create or a delete was killed before or after its record.
			if err := os.RemoveAll(dir); err != nil {
				return fmt.Errorf("remove half a sandbox: %w", err)
			}
			continue
		}
		if err == nil && rec.ID != entry.Name() {
			err = fmt.Errorf("it calls itself %q", rec.ID)
		}
		if err != nil {
			// One damaged record must not keep the others from starting.
			e.log.Error("can't read a sandbox; it is left alone", "dir", dir, "error", err)
			continue
		}
		c := e.newCell(rec)
		e.cells[rec.ID] = c
		e.names[rec.Name] = rec.ID
		if rec.Run.PID != 0 && startTime(rec.Run.PID) == rec.Run.StartTime {
			switch rec.State {
			case stateStarted, stateStopping:
				running = append(running, c)
				e.net.reserve(rec.Run.Slot)
			}
		}
	}
	// Whole, also when the engine is stopped meanwhile; each removal has its limit.
	e.sweep(context.WithoutCancel(ctx), running)
	var group errgroup.Group
	group.SetLimit(8)
	for _, c := range e.cells {
		group.Go(func() error { return c.adopt(ctx, slices.Contains(running, c)) })
	}
	return group.Wait()
}

// sweep removes containers, devices and groups that no running sandbox owns.
func (e *Engine) sweep(ctx context.Context, running []*cell) {
	containers, slots, groups := map[string]bool{}, map[int]bool{}, map[string]bool{}
	for _, c := range running {
		containers[c.rec.Run.Container], slots[c.rec.Run.Slot], groups[c.id] = true, true, true
	}
	ids, err := e.runsc.list()
	if err != nil {
		e.log.Warn("could not list containers", "error", err)
	}
	for _, id := range ids {
		if !containers[id] {
			if err := e.runsc.remove(ctx, id); err != nil {
				e.log.Warn("could not remove a container", "container", id, "error", err)
			}
		}
	}
	if err := e.net.sweep(func(n int) bool { return slots[n] }); err != nil {
		e.log.Warn("could not remove old network devices", "error", err)
	}
	e.groups.sweep(func(id string) bool { return groups[id] })
	if err := os.RemoveAll(filepath.Join(e.cfg.DataDir, boxesDir)); err != nil {
		e.log.Warn("could not remove old boxes", "error", err)
	}
}

// adopt brings one sandbox into a state that is true: started when its
// container runs and its toolbox knows us, else what its saves allow.
func (c *cell) adopt(ctx context.Context, alive bool) error {
	rec := c.snapshot()
	for _, image := range []string{c.filesImage(), c.memoryImage()} {
		if err := recoverDir(image); err != nil {
			return fmt.Errorf("recover sandbox %s: %w", c.id, err)
		}
	}
	if alive {
		err := c.takeOver(ctx, rec)
		if err == nil {
			c.e.log.Info("adopted a running sandbox", "sandbox", c.id)
			return nil
		}
		c.e.log.Warn("could not adopt a running sandbox", "sandbox", c.id, "error", err)
		c.discard(ctx, rec.Run.Container, c.e.net.slot(rec.Run.Slot))
	}
	switch rec.State {
	case stateCreating, stateDestroying:
		// Nobody was told of it yet, or everybody that it goes.
		return c.destroy(ctx)
	case stateStarted, stateStopping, stateStarting:
		if rec.State != stateStarting && !exists(c.filesImage()) && rec.Image == "" {
			c.e.log.Warn("a sandbox was lost before its first save", "sandbox", c.id)
		}
		return c.update(func(r *record) {
			if r.State == stateStarted {
				r.ErrorReason = "The sandbox ended with the machine or the server; it starts from its last save"
				r.MemoryKey = ""
			}
			r.State, r.Run.PID, r.Run.StartTime = stateStopped, 0, 0
		})
	}
	return nil
}

// takeOver connects to a container that an earlier server started.
func (c *cell) takeOver(ctx context.Context, rec *record) error {
	s := c.e.net.slot(rec.Run.Slot)
	if err := c.connect(ctx, s); err != nil {
		return err
	}
	token, known := newToken(), rec.Token
	if rec.NextToken != "" {
		// The last server died while it changed the token. Asking with a third
		// one settles which of the two holds.
		if err := c.handToken(ctx, s, rec.NextToken, rec.NextToken); err == nil {
			known = rec.NextToken
		} else if !errors.Is(err, errToken) {
			return err
		}
	}
	if err := c.update(func(r *record) { r.Token, r.NextToken = known, token }); err != nil {
		return err
	}
	if err := c.handToken(ctx, s, known, token); err != nil {
		return err
	}
	return c.update(func(r *record) { r.State, r.Token, r.NextToken = stateStarted, token, "" })
}
