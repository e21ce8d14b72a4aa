//go:build linux

package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// watch looks after the sandboxes until ctx is done: it notices those that
// ended by themselves, stops those that rest for long enough, saves the files
// of the others from time to time, and deletes what is to be deleted.
func (e *Engine) watch(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	day := time.NewTicker(24 * time.Hour)
	defer day.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-day.C:
			e.catalog.tidy()
		case <-tick.C:
			e.buryTombs()
			for _, c := range e.all() {
				c.look(ctx)
			}
		}
	}
}

// buryTombs forgets tombstones whose time has come.
func (e *Engine) buryTombs() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, t := range e.tombs {
		if e.now().After(t.until) {
			delete(e.tombs, id)
		}
	}
}

// look does what is due for one sandbox, in the background where it takes
// time.
func (c *cell) look(ctx context.Context) {
	rec, now := c.snapshot(), c.e.now()
	var work func(context.Context) error
	switch {
	case rec.State == stateStarted && startTime(rec.Run.PID) != rec.Run.StartTime:
		work = c.ended
	case rec.State == stateStarted && rec.AutoStop > 0 &&
		now.Sub(rec.LastActivityAt) >= time.Duration(rec.AutoStop)*time.Minute:
		work = c.rest
	case rec.State == stateStarted && c.saveDue(rec, now):
		work = c.Backup
	case rec.State == stateStopped && c.archiveDue(rec, now):
		work = c.archive
	case rec.State == stateStopped && rec.AutoDelete > 0 && !rec.StoppedAt.IsZero() &&
		now.Sub(rec.StoppedAt) >= time.Duration(rec.AutoDelete)*time.Minute:
		work = c.Delete
	default:
		return
	}
	if !c.op.TryLock() {
		return // somebody is at it; look again at the next tick
	}
	c.op.Unlock()
	if !c.working.CompareAndSwap(false, true) {
		return
	}
	c.e.wg.Go(func() {
		defer c.working.Store(false)
		if err := work(ctx); err != nil && ctx.Err() == nil {
			c.e.log.Error("background work on a sandbox failed", "sandbox", c.id, "error", err)
		}
	})
}

// quiet is how long nobody must have used a sandbox for its files to be saved
// before the ordinary time: work on it has ended for now.
const quiet = 15 * time.Second

// saveDue tells whether the files of a running sandbox are to be saved: from
// time to time while it is used, and soon after its use has paused.
func (c *cell) saveDue(rec *record, now time.Time) bool {
	since := now.Sub(later(rec.SavedAt, rec.CreatedAt))
	switch {
	case !rec.LastActivityAt.After(rec.SavedAt):
		return false // nothing happened
	case since >= c.e.cfg.SaveInterval:
		return true
	}
	// A save costs in proportion to what was written; no more than a tenth of
	// the time goes into it.
	return now.Sub(rec.LastActivityAt) >= quiet && since >= 10*time.Duration(c.saveCost.Load())
}

// archiveDue tells whether the memory image of a stopped sandbox is to go: it
// rests for long, or no version of the engine that runs can use it.
func (c *cell) archiveDue(rec *record, now time.Time) bool {
	if rec.MemoryKey == "" {
		return false
	}
	key := c.e.catalog.keyNow()
	return (key != "" && key != rec.MemoryKey) ||
		(rec.AutoArchive > 0 && now.Sub(rec.StoppedAt) >= time.Duration(rec.AutoArchive)*time.Minute)
}

// archive frees the disk of a memory image. The sandbox starts from its files,
// without its processes.
func (c *cell) archive(context.Context) error {
	c.op.Lock()
	defer c.op.Unlock()
	if rec := c.snapshot(); rec.State != stateStopped || !c.archiveDue(rec, c.e.now()) {
		return nil
	}
	if err := c.update(func(r *record) { r.MemoryKey = "" }); err != nil {
		return err
	}
	return os.RemoveAll(c.memoryImage())
}

// ended records that a sandbox ended by itself (out of memory, killed) and
// frees what it used. It starts again from its last save.
func (c *cell) ended(ctx context.Context) error {
	c.op.Lock()
	defer c.op.Unlock()
	rec := c.snapshot()
	if rec.State != stateStarted || startTime(rec.Run.PID) == rec.Run.StartTime {
		return nil
	}
	c.e.log.Warn("a sandbox ended by itself", "sandbox", c.id, "runsc", lastLog(filepath.Join(c.dir, "runsc.log")))
	c.discard(context.WithoutCancel(ctx), rec.Run.Container, c.slotOf())
	c.settle(func(r *record) {
		r.State, r.StoppedAt, r.MemoryKey = stateStopped, c.e.now().UTC(), ""
		r.ErrorReason = "The sandbox ended by itself, most likely out of memory or processes; it starts from its last save"
		r.Run.PID, r.Run.StartTime = 0, 0
	})
	return nil
}

// rest stops a sandbox that nobody used for long; at the last moment it looks
// again whether somebody does.
func (c *cell) rest(ctx context.Context) error {
	c.op.Lock()
	defer c.op.Unlock()
	rec := c.snapshot()
	if rec.State != stateStarted ||
		c.e.now().Sub(rec.LastActivityAt) < time.Duration(rec.AutoStop)*time.Minute {
		return nil
	}
	if rec.AutoDelete == 0 {
		return c.destroy(ctx)
	}
	return c.stop(ctx, false)
}

// lastLog returns the end of a log for people, without goroutine dumps.
func lastLog(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	if i := strings.Index(string(text), "\ngoroutine "); i > 0 {
		text = text[:i]
	}
	return tail(text, 400)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
