//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Engine runs sandboxes on this machine and serves the Daytona API for them.
type Engine struct {
	cfg     Config
	log     *slog.Logger
	now     func() time.Time
	catalog *catalog
	egress  *egress
	handler http.Handler

	// opened is closed when Run has taken over the data folder; inst and the
	// fields below it are set before and never change.
	opened chan struct{}
	inst   *instance
	net    *network
	groups *cgroups
	runsc  *runsc

	// starts holds one token for each container that may be starting: more at
	// once make each of them slower.
	starts chan struct{}

	mu    sync.Mutex
	cells map[string]*cell     // by id
	names map[string]string    // name → id
	tombs map[string]tombstone // of deleted sandboxes, by id and by name
	// signed holds preview links by their token. They don't outlive the server.
	signed map[string]signed

	boxes map[*Box]struct{} // that are not closed

	events events

	wg sync.WaitGroup // background work of cells
}

// tombstone is what is still told of a deleted sandbox for a while: clients
// ask once more after they deleted one.
type tombstone struct {
	rec   *record
	until time.Time
}

// New checks the configuration and returns an engine. It does nothing yet:
// Run brings it to life, and Handler's answers wait for that.
func New(cfg Config) (*Engine, error) {
	cfg, recipe, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, log: cfg.Logger, now: cfg.Now,
		catalog: newCatalog(cfg, recipe),
		opened:  make(chan struct{}),
		starts:  make(chan struct{}, max(1, runtime.NumCPU()/2)),
		cells:   map[string]*cell{}, names: map[string]string{}, tombs: map[string]tombstone{},
		signed: map[string]signed{}, boxes: map[*Box]struct{}{},
	}
	e.egress = newEgress(cfg)
	e.handler = e.routes()
	return e, nil
}

// Handler serves the API: control under /api, toolboxes under /toolbox/{id}
// and /api/toolbox/{id}/toolbox, and previews on their own hosts.
func (e *Engine) Handler() http.Handler { return e.handler }

// Ready blocks until the base stands, or an attempt to build it has failed, and
// returns why. The engine goes on trying.
func (e *Engine) Ready(ctx context.Context) error {
	return e.catalog.ready(ctx)
}

// BaseStep tells what the build of the base is doing, "" when it has ended.
func (e *Engine) BaseStep() string { return e.catalog.base().Step }

// Run opens the engine: it takes the data folder over, adopts the sandboxes
// that run, builds the base when it is missing, and then watches over all of
// it until ctx is done. Before it returns it stops the sandboxes, saved whole;
// the next Run starts them again. Sandboxes of an engine that was killed go on
// running until the next one adopts them.
func (e *Engine) Run(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("the sandbox engine needs root: start it with sudo, or run `surgent sandbox serve` as root")
	}
	if err := e.open(ctx); err != nil {
		return err
	}
	close(e.opened)
	defer e.close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		// A base that can't be built is told by the API, which goes on for the
		// sandboxes that exist.
		e.catalog.keepTrying(ctx, e.inst.Gateway.String())
		return nil
	})
	group.Go(func() error {
		e.net.fill(ctx, func(err error) { e.log.Error("no network for sandboxes", "error", err) })
		return nil
	})
	group.Go(func() error {
		if err := e.net.tryWayOut(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("sandboxes are cut off", "error", err, "way_out", letIn(e.inst.Gateway))
		}
		return nil
	})
	group.Go(func() error { return e.watch(ctx) })
	group.Go(func() error { e.reapOrphans(ctx); return nil })
	group.Go(func() error { e.resume(ctx); return nil })
	err := group.Wait()
	// The sandboxes outlive the reason to stop; saving has its own time limit.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	e.closeBoxes()
	e.stopAll(stop)
	e.wg.Wait()
	return err
}

// open takes over the data folder and what an earlier engine left.
func (e *Engine) open(ctx context.Context) error {
	inst, err := openInstance(ctx, e.cfg.DataDir)
	if err != nil {
		return err
	}
	e.inst = inst
	e.net = newNetwork(inst)
	e.runsc = &runsc{argv: e.cfg.Runsc, root: filepath.Join(runDir, inst.Name)}
	if err := os.MkdirAll(e.runsc.root, 0o700); err != nil {
		return fmt.Errorf("open sandboxes: %w", err)
	}
	if e.groups, err = openCgroups(inst.Name); err != nil {
		e.log.Warn("sandboxes are not limited in full: control groups are missing", "error", err)
	}
	if err := raiseFirewall(e.tableName(), e.net.prefix(), inst.Gateway); err != nil {
		inst.close(true)
		return fmt.Errorf("confine sandboxes: %w", err)
	}
	if err := e.claim(); err != nil {
		inst.close(true)
		return err
	}
	// npm takes a second to tell its configuration: beside the rest. Starts wait
	// for the answer, so it has its own end.
	e.wg.Go(func() { e.egress.open(context.WithoutCancel(ctx)) })
	if err := e.adopt(ctx); err != nil {
		inst.close(true)
		return err
	}
	return nil
}

func (e *Engine) tableName() string { return "surgent_" + e.inst.Name }

// close removes what the engine made on the host, when nothing needs it.
func (e *Engine) close() {
	e.net.drain()
	left := false
	for _, c := range e.all() {
		left = left || c.running()
		c.disconnect()
	}
	if !left {
		if err := lowerFirewall(e.tableName()); err != nil {
			e.log.Warn("could not remove the firewall table", "error", err)
		}
		e.groups.close()
		e.runsc.removeRoot()
	}
	e.inst.close(left)
}

// all returns the cells there are.
func (e *Engine) all() []*cell {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*cell, 0, len(e.cells))
	for _, c := range e.cells {
		all = append(all, c)
	}
	return all
}

// cell returns a sandbox by id or name.
func (e *Engine) cell(idOrName string) (*cell, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id, ok := e.names[idOrName]; ok {
		idOrName = id
	}
	if c, ok := e.cells[idOrName]; ok {
		return c, nil
	}
	return nil, errNoSandbox(idOrName)
}

// forget takes a deleted sandbox out of the tables and leaves a tombstone.
func (e *Engine) forget(rec *record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.cells, rec.ID)
	if e.names[rec.Name] == rec.ID {
		delete(e.names, rec.Name)
	}
	e.tombs[rec.ID] = tombstone{rec, e.now().Add(30 * time.Second)}
}

// tomb returns what is left of a deleted sandbox, nil for nothing.
func (e *Engine) tomb(id string) *record {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.tombs[id]
	if !ok || e.now().After(t.until) {
		delete(e.tombs, id)
		return nil
	}
	return t.rec
}

// stopLimit bounds what is done at the end of Run and of a Box.
const stopLimit = time.Minute

// closeBoxes closes the boxes that their users have not closed.
func (e *Engine) closeBoxes() {
	e.mu.Lock()
	boxes := slices.Collect(maps.Keys(e.boxes))
	e.mu.Unlock()
	for _, b := range boxes {
		if err := b.Close(); err != nil {
			e.log.Warn("could not close a box", "error", err)
		}
	}
}

// stopAll stops the running sandboxes and marks them to be started again.
func (e *Engine) stopAll(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(max(2, runtime.NumCPU()))
	for _, c := range e.all() {
		group.Go(func() error {
			c.op.Lock()
			defer c.op.Unlock()
			if !c.running() {
				return nil
			}
			if err := c.stop(ctx, true); err != nil {
				e.log.Error("could not stop a sandbox; it goes on running", "sandbox", c.id, "error", err)
			}
			return nil
		})
	}
	_ = group.Wait() // errors are logged above
}

// resume starts the sandboxes that the last Run stopped at its end.
func (e *Engine) resume(ctx context.Context) {
	for _, c := range e.all() {
		if ctx.Err() != nil {
			return
		}
		if c.snapshot().Resume {
			if err := c.Start(ctx); err != nil && ctx.Err() == nil {
				e.log.Warn("could not start a sandbox again", "sandbox", c.id, "error", err)
			}
		}
	}
}
