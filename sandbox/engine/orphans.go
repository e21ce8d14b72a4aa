//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// ownerFile, in an engine's folder below runDir, says whose it is: sandboxes
// outlive their engine, and its data folder may be deleted under them.
const ownerFile = "owner.json"

// owner is what is in it.
type owner struct {
	DataDir  string
	Instance instance
}

// claim writes the owner file of this engine.
func (e *Engine) claim() error {
	return writeJSON(filepath.Join(e.runsc.root, ownerFile), owner{e.cfg.DataDir, *e.inst})
}

// reapOrphans ends the sandboxes of engines whose data folder is gone, with all
// that they have on the host: nobody can ever adopt them. Those of an engine
// that is merely not running are left alone.
func (e *Engine) reapOrphans(ctx context.Context) {
	entries, err := os.ReadDir(runDir)
	if err != nil {
		e.log.Warn("could not look for orphaned sandboxes", "error", err)
		return
	}
	for _, entry := range entries {
		if !entry.IsDir() || entry.Name() == e.inst.Name || ctx.Err() != nil {
			continue
		}
		dir := filepath.Join(runDir, entry.Name())
		text, err := os.ReadFile(filepath.Join(dir, ownerFile))
		var o owner
		if err != nil || json.Unmarshal(text, &o) != nil || o.Instance.Name != entry.Name() || o.DataDir == "" {
			continue // being made, or not ours to judge
		}
		if _, err := os.Stat(filepath.Join(o.DataDir, "engine.json")); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		e.log.Info("ending sandboxes whose data folder is gone", "instance", o.Instance.Name, "data", o.DataDir)
		e.reap(ctx, dir, &o.Instance)
	}
}

// reap ends one orphaned engine's sandboxes. What fails is tried again by the
// next engine that opens.
func (e *Engine) reap(ctx context.Context, dir string, in *instance) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r := &runsc{argv: e.cfg.Runsc, root: dir}
	ids, err := r.list()
	for _, id := range ids {
		err = errors.Join(err, r.remove(ctx, id))
	}
	nobody := func(int) bool { return false }
	err = errors.Join(err, newNetwork(in).sweep(nobody), lowerFirewall("surgent_"+in.Name))
	if groups, gerr := openCgroups(in.Name); gerr == nil {
		groups.sweep(func(string) bool { return false })
		groups.close()
	}
	if err != nil {
		e.log.Warn("could not end all orphaned sandboxes", "instance", in.Name, "error", err)
		return
	}
	_ = os.Remove(in.markFile()) // a stale mark keeps nobody from the block
	r.removeRoot()
}
