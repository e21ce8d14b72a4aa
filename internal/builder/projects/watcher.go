package projects

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"surgent.dev/surgent/internal/builder/devserver"
	"surgent.dev/surgent/sandbox"
)

// pollEvery is how often a running sandbox is asked whether it still runs. It
// asks the control plane only, which doesn't count as use.
const pollEvery = 3 * time.Second

// Mutations is how the watcher writes down what it saw.
type Mutations interface {
	RunMutation(ctx context.Context, name string, args, out any) error
}

// Watcher keeps an eye on every running sandbox: its dev server's log, and
// whether it has fallen asleep. It holds nothing that matters: after a restart
// the projects that run are watched again.
type Watcher struct {
	sandboxes sandbox.Client
	logger    *slog.Logger

	// asked carries requests to Run. It has room for one per project many
	// times over; what doesn't fit waits in Watch.
	asked chan watch

	mu      sync.Mutex // guards the rest
	watched map[ID]*watched
}

type watch struct {
	project ID
	sandbox string
	keep    bool // a watch over the same sandbox goes on
}

type watched struct {
	watch
	stop context.CancelFunc
	over bool // Forget has ended it
}

// NewWatcher returns a watcher that watches while Run runs.
func NewWatcher(sandboxes sandbox.Client, logger *slog.Logger) *Watcher {
	return &Watcher{sandboxes: sandboxes, logger: logger, asked: make(chan watch, 1024), watched: map[ID]*watched{}}
}

// Watch starts watching a project's sandbox, from the beginning of its dev
// server's log. Watching one that is watched begins again.
func (w *Watcher) Watch(project ID, sandboxID string) {
	w.asked <- watch{project: project, sandbox: sandboxID}
}

// Keep is Watch for a sandbox that may be watched already: then nothing
// happens, and its log isn't read anew.
func (w *Watcher) Keep(project ID, sandboxID string) {
	w.asked <- watch{project: project, sandbox: sandboxID, keep: true}
}

// Forget ends the watch over a project.
func (w *Watcher) Forget(project ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := w.watched[project]; old != nil {
		old.over = true
		old.stop()
	}
}

// Run watches until ctx is done.
func (w *Watcher) Run(ctx context.Context, m Mutations) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case next := <-w.asked:
			watchCtx, stop := context.WithCancel(ctx)
			it := &watched{watch: next, stop: stop}
			w.mu.Lock()
			if old := w.watched[next.project]; old != nil {
				if next.keep && old.sandbox == next.sandbox && !old.over {
					w.mu.Unlock()
					stop()
					continue
				}
				old.stop()
			}
			w.watched[next.project] = it
			w.mu.Unlock()
			all.Go(func() {
				defer stop()
				w.one(watchCtx, m, next)
				w.mu.Lock()
				if w.watched[next.project] == it {
					delete(w.watched, next.project)
				}
				w.mu.Unlock()
			})
		}
	}
}

// one watches one sandbox until it no longer runs.
func (w *Watcher) one(ctx context.Context, m Mutations, it watch) {
	logCtx, stopLog := context.WithCancel(ctx)
	var log sync.WaitGroup
	log.Go(func() { w.follow(logCtx, m, it) })
	defer log.Wait()
	defer stopLog()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		info, err := w.sandboxes.Get(ctx, it.sandbox)
		gone := errors.Is(err, sandbox.ErrNotFound)
		if err != nil && !gone {
			continue // the server of sandboxes is away; it says more when it is back
		}
		if gone || info.State == sandbox.Stopped || info.State == sandbox.Archived || broken(info.State) {
			stopLog()
			if err := m.RunMutation(ctx, "projects:asleep", asleepArgs{it.project, it.sandbox}, nil); err != nil {
				w.logger.ErrorContext(ctx, "sandbox fell asleep unnoticed", "project", it.project, "error", err)
				continue
			}
			return
		}
	}
}

// follow reads the dev server's log until the server or the watch ends. A cut
// connection is taken up again.
func (w *Watcher) follow(ctx context.Context, m Mutations, it watch) {
	tb := w.sandboxes.Toolbox(it.sandbox)
	for ctx.Err() == nil {
		err := w.followOnce(ctx, m, tb, it)
		if err == nil || ctx.Err() != nil {
			return
		}
		w.logger.DebugContext(ctx, "dev server's log was cut", "project", it.project, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (w *Watcher) followOnce(ctx context.Context, m Mutations, tb sandbox.Toolbox, it watch) error {
	session, err := tb.GetSession(ctx, devserver.Session)
	if errors.Is(err, sandbox.ErrNotFound) || err == nil && len(session.Commands) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	id := session.Commands[len(session.Commands)-1].ID
	return devserver.Watch(ctx, tb, id, func(r devserver.Report) error {
		return m.RunMutation(ctx, "projects:report", reportArgs{it.project, it.sandbox, &DevServer{
			Status: string(r.Status), ExitCode: r.ExitCode, LastLines: r.Lines, Error: r.Error,
		}}, nil)
	})
}
