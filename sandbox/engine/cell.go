//go:build linux

package engine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// States of a sandbox, in Daytona's words.
const (
	stateCreating   = "creating"
	stateStarting   = "starting"
	stateStarted    = "started"
	stateStopping   = "stopping"
	stateStopped    = "stopped"
	stateDestroying = "destroying"
	stateDestroyed  = "destroyed"
	stateError      = "error"
)

// toolboxPath is the program that runs first in every sandbox; toolboxPort is
// where it listens.
const (
	toolboxPath = "/usr/local/bin/surgent-toolbox"
	toolboxPort = 2280
)

// cell is one sandbox in the engine.
//
//	creating ─▶ started ◀─▶ (starting | stopping) ◀─▶ stopped
//	    │          └───────────────┬────────────────────┘
//	    ▼                          ▼
//	  error ──────────────▶ destroying ─▶ destroyed
type cell struct {
	e   *Engine
	id  string
	dir string

	// op is held while the sandbox is being moved, saved or deleted.
	op sync.Mutex

	mu  sync.Mutex // guards the fields below; never held across I/O but writing the record
	rec *record
	// unborn is set until the record of a new sandbox is on disk.
	unborn bool
	slot   *slot         // of the running container
	proxy  *egressServer // of the running container
	lines  *lines        // to the running container

	// activity is when the sandbox was last used, in Unix milliseconds.
	activity atomic.Int64
	// saveCost is how long the last save of the files took, in nanoseconds.
	saveCost atomic.Int64
	// working is set while work that watch began is going on.
	working atomic.Bool
}

func (e *Engine) newCell(rec *record) *cell {
	c := &cell{e: e, id: rec.ID, dir: filepath.Join(e.cfg.DataDir, rec.ID), rec: rec}
	c.activity.Store(rec.LastActivityAt.UnixMilli())
	return c
}

// snapshot returns a copy of the record.
func (c *cell) snapshot() *record {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rec.clone()
	if at := time.UnixMilli(c.activity.Load()); at.After(r.LastActivityAt) {
		r.LastActivityAt = at.UTC()
	}
	return r
}

// update changes the record and writes it to disk.
func (c *cell) update(change func(*record)) error { return c.write(change, true) }

// note changes what matters only while the machine runs: which container and
// which token. It does not wait for the disk.
func (c *cell) note(change func(*record)) error { return c.write(change, false) }

// settle changes the record to what has become true. Where that can't be
// written (a full disk) it holds in memory, and the next engine finds out by
// itself: a sandbox must not stay between two states.
func (c *cell) settle(change func(*record)) {
	if err := c.update(change); err != nil {
		c.e.log.Error("a sandbox's new state is not on disk", "sandbox", c.id, "error", err)
		next := c.snapshot()
		change(next)
		c.become(next)
	}
}

func (c *cell) write(change func(*record), sync bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.rec.clone()
	change(next)
	next.UpdatedAt = c.e.now().UTC()
	if err := writeRecord(c.dir, next, sync); err != nil {
		return fmt.Errorf("keep sandbox %s: %w", c.id, err)
	}
	c.becomeLocked(next)
	return nil
}

// become changes the record in memory only.
func (c *cell) become(next *record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.becomeLocked(next)
}

// becomeLocked replaces the record and tells of a new state, in order: a stale
// event would overwrite what a client knows.
func (c *cell) becomeLocked(next *record) {
	before := c.rec.State
	c.rec = next
	switch {
	case c.unborn:
		c.unborn = false
		c.e.events.publish("", next.clone())
	case next.State != before:
		c.e.events.publish(before, next.clone())
	}
}

// state returns the current state.
func (c *cell) state() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rec.State
}

// running tells whether the sandbox has a container that should be alive.
func (c *cell) running() bool { return c.state() == stateStarted }

// touch says that the sandbox is in use.
func (c *cell) touch() { c.activity.Store(c.e.now().UnixMilli()) }

// connect sets up what the engine needs to speak with the container in slot s
// and to let it out.
func (c *cell) connect(ctx context.Context, s *slot) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var proxy *egressServer
	if !c.rec.BlockAll {
		var err error
		if proxy, err = c.e.egress.serve(ctx, s); err != nil {
			return err
		}
	}
	c.slot, c.proxy, c.lines = s, proxy, newLines()
	return nil
}

// disconnect undoes connect and returns the slot that was in use, nil for
// none.
func (c *cell) disconnect() *slot {
	c.mu.Lock()
	s, proxy, lines := c.slot, c.proxy, c.lines
	c.slot, c.proxy, c.lines = nil, nil, nil
	c.mu.Unlock()
	if proxy != nil {
		proxy.close()
	}
	if lines != nil {
		lines.cut()
	}
	return s
}

// address returns where a port of the running sandbox is, and how to get
// there; ok is false when it does not run.
func (c *cell) address(port int) (addr string, rt *http.Transport, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slot == nil || c.rec.State != stateStarted {
		return "", nil, false
	}
	return net.JoinHostPort(c.slot.in.String(), fmt.Sprint(port)), c.lines.rt, true
}

// begin takes the sandbox for a change of state. Saving in the background is
// waited for; another change of state is a conflict.
func (c *cell) begin() error {
	switch c.state() {
	case stateCreating, stateStarting, stateStopping, stateDestroying:
		return errBusy()
	}
	c.op.Lock()
	switch c.state() {
	case stateDestroying, stateDestroyed:
		c.op.Unlock()
		return errNoSandbox(c.id)
	}
	return nil
}
