package templates

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"surgent.dev/surgent/internal/builder/devserver"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/templates"
)

// devLimit is how long a template's dev server may take to its first answer.
const devLimit = 2 * time.Minute

// Snapshots is what a Warmer needs of a server that can freeze a running
// sandbox.
type Snapshots interface {
	sandbox.Snapshots
	sandbox.LiveSnapshots
}

// WarmerConfig joins a Warmer to its parts.
type WarmerConfig struct {
	Sandboxes sandbox.Client
	// Snapshots is nil where a running sandbox can't be frozen: projects then
	// start from Base and get the template's files one by one.
	Snapshots Snapshots
	// Step is told in words what is being prepared, "" once all is ready. It
	// may be told the same several times.
	Step func(string)
	// Failed is told why a preparation failed, and what to do about it. It is
	// tried again by itself: then Step is told.
	Failed func(message, hint string)
	Logger *slog.Logger
}

// Warmer makes the warm snapshots: a sandbox from Base with a template's
// files, its first commit and its dev server running, frozen. Each is made
// once, whoever asks; what a crash has cut off is made again from the start.
type Warmer struct {
	WarmerConfig

	mu      sync.Mutex         // guards the rest
	ready   map[string]bool    // snapshots that are known to be active
	flights map[string]*flight // snapshots that are being made
}

type flight struct {
	done chan struct{} // closed by whoever makes the snapshot
	err  error         // readable after done
}

// NewWarmer returns a warmer.
func NewWarmer(c WarmerConfig) *Warmer {
	if c.Step == nil {
		c.Step = func(string) {}
	}
	if c.Failed == nil {
		c.Failed = func(string, string) {}
	}
	return &Warmer{WarmerConfig: c, ready: map[string]bool{}, flights: map[string]*flight{}}
}

// Run prepares the snapshots of all templates, the default one first, so that
// they are there when the first project asks. A failure is tried again, with
// growing rests; it returns when all are made or ctx is done.
func (w *Warmer) Run(ctx context.Context) error {
	if w.Snapshots == nil {
		return nil
	}
	rest := 2 * time.Second
	for {
		err := w.all(ctx)
		if err == nil {
			w.Step("")
			return nil
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // an orderly end: what is cut off is made at the next start
		}
		w.Logger.WarnContext(ctx, "templates are not prepared yet", "error", err, "again_in", rest)
		message := "Preparing the templates failed."
		switch {
		case errors.Is(err, sandbox.ErrNoRoom):
			message = "The machine has too little memory left to prepare the templates."
		case errs.CodeOf(err) != errs.Internal:
			message = errs.MessageOf(err)
		}
		w.Failed(message, "It is tried again by itself. The server's log and `surgent doctor` say more.")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rest):
		}
		rest = min(2*rest, time.Minute)
	}
}

func (w *Warmer) all(ctx context.Context) error {
	for _, t := range templates.All() {
		if err := w.ensure(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// Snapshot implements projects.Warm. A template that can't be frozen is no
// reason to fail: its projects start cold.
func (w *Warmer) Snapshot(ctx context.Context, row *Template) (name string, warm bool, err error) {
	t, ours := row.Embedded()
	if !ours || w.Snapshots == nil {
		return Base, false, w.base(ctx)
	}
	err = w.ensure(ctx, t)
	switch {
	case err == nil:
		return snapshotName(t), true, nil
	case ctx.Err() != nil:
		return "", false, err
	}
	w.Logger.WarnContext(ctx, "template is not warm, starting cold", "template", t.Slug, "error", err)
	return Base, false, w.base(ctx)
}

// ensure makes a template's snapshot unless it is there. Callers that come
// while it is being made wait for the one that makes it.
func (w *Warmer) ensure(ctx context.Context, t templates.Template) error {
	name := snapshotName(t)
	for {
		w.mu.Lock()
		if w.ready[name] {
			w.mu.Unlock()
			return nil
		}
		f, flying := w.flights[name]
		if !flying {
			f = &flight{done: make(chan struct{})}
			w.flights[name] = f
		}
		w.mu.Unlock()
		if !flying {
			f.err = w.make(ctx, t, name)
			w.mu.Lock()
			w.ready[name] = f.err == nil
			delete(w.flights, name)
			w.mu.Unlock()
			close(f.done)
			return f.err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-f.done:
		}
		// Whoever made it may have given up for a reason of its own.
		if f.err != nil && !errors.Is(f.err, context.Canceled) {
			return f.err
		}
	}
}

func (w *Warmer) make(ctx context.Context, t templates.Template, name string) error {
	// The base first: until it stands, no server knows which snapshots fit it.
	if err := w.base(ctx); err != nil {
		return err
	}
	snap, err := w.Snapshots.GetSnapshot(ctx, name)
	if err == nil && snap.State == sandbox.SnapshotActive {
		return nil
	}
	if err != nil && !errors.Is(err, sandbox.ErrNotFound) {
		return errs.Wrap(errs.Unavailable, err, "The sandbox server doesn't answer.")
	}
	w.Step(fmt.Sprintf("Preparing the template %s", t.Name))
	w.Logger.InfoContext(ctx, "preparing template", "template", t.Slug, "snapshot", name)
	begun := time.Now()
	if err := w.freeze(ctx, t, name); err != nil {
		return fmt.Errorf("prepare template %s: %w", t.Slug, err)
	}
	w.Logger.InfoContext(ctx, "template is ready", "template", t.Slug, "snapshot", name, "took", time.Since(begun))
	return nil
}

func (w *Warmer) freeze(ctx context.Context, t templates.Template, name string) error {
	box := "warm-" + t.Slug + "-" + t.ContentHash[:12]
	// Left over from a server that was killed in the middle.
	if old, err := w.Sandboxes.Get(ctx, box); err == nil {
		if err := w.Sandboxes.Delete(ctx, old.ID); err != nil {
			return err
		}
	}
	never := 0
	info, err := w.Sandboxes.Create(ctx, sandbox.CreateRequest{
		Name: box, Snapshot: Base, Env: map[string]string{}, AutoStopInterval: &never,
		Labels: map[string]string{"surgent-template": t.Slug},
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if err := w.Sandboxes.Delete(ctx, info.ID); err != nil {
			w.Logger.WarnContext(ctx, "template's sandbox was left behind", "sandbox", info.ID, "error", err)
		}
	}()
	tb := w.Sandboxes.Toolbox(info.ID)
	workDir, err := tb.WorkDir(ctx)
	if err != nil {
		return err
	}
	if err := Upload(ctx, tb, workDir, t); err != nil {
		return err
	}
	if err := Commit(ctx, tb, workDir); err != nil {
		return err
	}
	cmd, err := devserver.Start(ctx, tb, workDir, t.StartCommand)
	if err != nil {
		return err
	}
	await, cancel := context.WithTimeout(ctx, devLimit)
	defer cancel()
	if err := devserver.Await(await, w.Sandboxes, info.ID, cmd); err != nil {
		return err
	}
	target, err := w.Sandboxes.Preview(ctx, info.ID, devserver.Port)
	if err != nil {
		return err
	}
	if err := devserver.Warm(await, target); err != nil {
		return err
	}
	if err := w.Snapshots.SnapshotLive(ctx, info.ID, name); err != nil && !errors.Is(err, sandbox.ErrConflict) {
		return err
	}
	return nil
}

// base waits until the snapshot that everything starts from is there. A
// server that is still building it says how far it is.
func (w *Warmer) base(ctx context.Context) error {
	if w.Snapshots == nil {
		return nil // a cloud has it, or Create says that it hasn't
	}
	for {
		snap, err := w.Snapshots.GetSnapshot(ctx, Base)
		switch {
		case err == nil && snap.State == sandbox.SnapshotActive:
			return nil
		case err == nil && snap.State == sandbox.SnapshotError:
			return errs.New(errs.Unavailable, "The base of all sandboxes couldn't be built: %s", snap.ErrorReason)
		case err == nil && snap.Step != "":
			w.Step(snap.Step)
		case err == nil:
			w.Step("Building the base of all sandboxes")
		default:
			return errs.Wrap(errs.Unavailable, err, "The sandbox server doesn't answer.")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
	}
}
