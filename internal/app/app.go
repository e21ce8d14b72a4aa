// Package app builds the whole server out of a Config, in floor order, and
// runs it: the one place that sees every part and every driver. Read it from
// top to bottom. There is no container and no magic: what a part needs is
// handed to it here.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/convex/auth"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/internal/builder/commits"
	clientconfig "surgent.dev/surgent/internal/builder/config"
	"surgent.dev/surgent/internal/builder/deployments"
	"surgent.dev/surgent/internal/builder/files"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/builder/users"
	"surgent.dev/surgent/internal/config"
	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/internal/server/preview"
	"surgent.dev/surgent/model/anthropic"
)

// Options are what main decides.
type Options struct {
	Config *config.Config
	Logger *slog.Logger
	// Binary is this program's own path: the sandbox engine runs it again.
	Binary string
	// Engine says that the binary carries the engine's isolation.
	Engine bool
	// WebDevServer is a Vite dev server to show in place of the built
	// workspace, nil for none.
	WebDevServer *url.URL
	// Ready is called once with the workspace's address.
	Ready func(address string)
}

// App is a server that is ready to run.
type App struct {
	config *config.Config
	logger *slog.Logger
	binary string // "" when it can't run sandboxes
	ready  func(string)

	listener  net.Listener
	store     *sqlite.Store
	registry  *function.Registry
	runtime   *convex.Runtime
	sandboxes *sandboxes
	warmer    *templates.Warmer
	watcher   *projects.Watcher
	agent     *agent.Service
	provider  *anthropic.Model // nil for the demo
	target    *target
	handler   http.Handler

	closers []func() // run in reverse by Close
}

// Open builds the server. What is missing on this machine is an error of one
// line that names it and the way out. Call Close when Open succeeded.
func Open(ctx context.Context, o Options) (*App, error) {
	a := &App{config: o.Config, logger: o.Logger, ready: o.Ready}
	if o.Engine {
		a.binary = o.Binary
	}
	if err := a.open(ctx, o.WebDevServer); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *App) open(ctx context.Context, webDevServer *url.URL) error {
	release, err := openData(a.config.Data)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, release)
	if err := openCache(a.config.Cache); err != nil {
		return err
	}
	if a.listener, err = listen("SURGENT_ADDR", a.config.Addr); err != nil {
		return err
	}
	a.closers = append(a.closers, func() { _ = a.listener.Close() })
	if _, err := exec.LookPath("git"); err != nil {
		return errors.New("git is not installed: it keeps checkpoints outside of the sandboxes: apt-get install git")
	}
	if a.sandboxes, err = openSandboxes(ctx, a); err != nil {
		return err
	}
	links, err := a.openLinks()
	if err != nil {
		return err
	}
	if err := a.openRuntime(ctx, links); err != nil {
		return err
	}
	handler, err := a.doors(links, webDevServer)
	if err != nil {
		return err
	}
	a.handler = noticeProxy(handler, a.config.Proxies, a.logger)
	return nil
}

// Close frees what Open took. It is for after Run, or instead of it.
func (a *App) Close() {
	for i := len(a.closers) - 1; i >= 0; i-- {
		a.closers[i]()
	}
	a.closers = nil
}

// Run serves until ctx ends, then drains: open sockets are closed with a code
// on which clients come back, runs are handed to the next process, and
// sandboxes are saved.
func (a *App) Run(ctx context.Context) error {
	if err := a.recover(ctx); err != nil {
		return err
	}
	stages := []stage{}
	if a.sandboxes.engine != nil {
		stages = append(stages, stage{"sandboxes", func(ctx context.Context) error { return a.sandboxes.runEngine(ctx, a.logger) }})
	}
	stages = append(stages,
		stage{"apps", func(ctx context.Context) error {
			<-ctx.Done()
			if a.target.close != nil {
				a.target.close() // while the engine that their boxes are of still runs
			}
			return nil
		}},
		stage{"watch", func(ctx context.Context) error { return a.watcher.Run(ctx, a.runtime) }},
		stage{"runtime", a.runtime.Run},
		stage{"agent", func(ctx context.Context) error { return a.agent.Run(ctx, a.runtime) }},
		stage{"model", a.watchModel},
		stage{"templates", a.prepare},
		stage{"doors", func(ctx context.Context) error {
			if a.ready != nil {
				a.ready(a.origin())
			}
			return serveHTTP(ctx, a.listener, a.handler, a.logger, time.Second)
		}},
	)
	return supervise(ctx, stages)
}

// recover takes up what an earlier process left, before any client can ask.
func (a *App) recover(ctx context.Context) error {
	if err := a.runtime.RunMutation(ctx, "templates:seed", nil, nil); err != nil {
		return fmt.Errorf("seed templates: %w", err)
	}
	if err := a.runtime.RunMutation(ctx, "deployments:recover", nil, nil); err != nil {
		return fmt.Errorf("take up deployments: %w", err)
	}
	var running []projects.Project
	if err := a.runtime.RunQuery(ctx, "projects:active", nil, &running); err != nil {
		return fmt.Errorf("look for running projects: %w", err)
	}
	for _, p := range running {
		if err := a.runtime.RunMutation(ctx, "projects:recover", map[string]any{"projectId": p.ID}, nil); err != nil {
			return fmt.Errorf("take up project: %w", err)
		}
	}
	return nil
}

// sweepEvery is how often contents of apps are looked through that nobody
// needs any more.
const sweepEvery = time.Hour

// prepare makes the warm snapshots and then tidies up from time to time.
func (a *App) prepare(ctx context.Context) error {
	if err := a.warmer.Run(ctx); err != nil {
		return err
	}
	if err := a.target.prepare(ctx); err != nil && ctx.Err() == nil {
		a.logger.Warn("the first deployed app will have to wait", "error", err)
	}
	for {
		a.target.sweep()
		if err := clock.Sleep(ctx, sweepEvery); err != nil {
			return nil //nolint:nilerr // an orderly end
		}
	}
}

func (a *App) openLinks() (*preview.Links, error) {
	key, err := keyFile(filepath.Join(a.config.Data, "keys", "preview.key"))
	if err != nil {
		return nil, err
	}
	return preview.NewLinks([]byte(key), config.Scheme(a.config.Domain), a.config.Domain, clock.Now)
}

// openRuntime opens the store and joins the product's modules to it, from the
// lowest floor up.
func (a *App) openRuntime(ctx context.Context, links projects.Linker) error {
	var tables []schema.Table
	for _, of := range []func() []schema.Table{
		users.Tables, auth.Tables, templates.Tables, projects.Tables, sessions.Tables, commits.Tables, deployments.Tables, agent.Tables,
	} {
		tables = append(tables, of()...)
	}
	declared, err := schema.New(tables...)
	if err != nil {
		return err
	}
	if a.store, err = openStore(ctx, filepath.Join(a.config.Data, "surgent.db"), declared); err != nil {
		return err
	}
	a.closers = append(a.closers, func() {
		if err := a.store.Close(); err != nil {
			a.logger.Error("close database", "error", err)
		}
	})
	if err := a.checkClock(ctx); err != nil {
		return err
	}
	streams := stream.New()
	a.registry = function.NewRegistry()
	if err := a.register(a.registry, streams, links); err != nil {
		return err
	}
	a.runtime, err = a.newRuntime(ctx, a.registry, streams)
	return err
}

// checkClock warns of a clock that stands before what the database has seen.
// Commits go on in order all the same; tokens and leases don't.
func (a *App) checkClock(ctx context.Context) error {
	return a.store.View(ctx, func(s store.Snapshot) error {
		if behind := time.Unix(0, int64(s.Timestamp())).Sub(clock.Now()); behind > time.Minute {
			a.logger.Warn("the clock stands before the newest change in the database: set it, or signing in, previews and runs fail until it has caught up", "behind", behind.Round(time.Second))
		}
		return nil
	})
}

// origin is where the workspace answers, without a path.
func (a *App) origin() string { return config.Scheme(a.config.Domain) + "://" + a.config.Domain }

// openStore opens the database file, readable by this user only: it holds
// password hashes and everybody's work.
func openStore(ctx context.Context, path string, declared *schema.Schema) (*sqlite.Store, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("SURGENT_DATA: the database %s can't be opened (%w): make it this user's, or choose another folder", path, cause(err))
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: path, Schema: declared})
	switch {
	case errors.Is(err, sqlite.ErrNewer):
		return nil, fmt.Errorf("SURGENT_DATA: a newer version of surgent has written %s: run that one, or choose another folder", path)
	case err != nil:
		return nil, fmt.Errorf("SURGENT_DATA: the database %s can't be read (%w): put a copy of it in its place, or choose another folder", path, cause(err))
	}
	return s, nil
}

// register joins the product's modules.
func (a *App) register(r *function.Registry, streams *stream.Hub, links projects.Linker) error {
	m, err := a.openModel()
	if err != nil {
		return err
	}
	blobs, err := release.OpenBlobs(filepath.Join(a.config.Data, "blobs"))
	if err != nil {
		return err
	}
	if a.target, err = a.openTarget(blobs); err != nil {
		return err
	}
	if a.agent, err = agent.New(agent.Config{
		Sandboxes: a.sandboxes.client, Model: m, Streams: streams, DataDir: a.config.Data,
		Secrets: a.config.Secrets(), Logger: a.logger.With("part", "agent"),
	}); err != nil {
		return err
	}
	board := clientconfig.NewBoard(streams, clock.Now)
	if a.sandboxes.missing != "" {
		board.Failed("This server has no sandboxes.", a.sandboxes.missing)
	}
	a.warmer = templates.NewWarmer(templates.WarmerConfig{
		Sandboxes: a.sandboxes.client, Snapshots: a.sandboxes.snapshots, Logger: a.logger.With("part", "templates"),
		Step: board.Step, Failed: board.Failed,
	})
	a.watcher = projects.NewWatcher(a.sandboxes.client, a.logger.With("part", "watch"))
	life, err := projects.NewLife(projects.LifeConfig{
		Sandboxes: a.sandboxes.client, Warm: a.warmer, Watcher: a.watcher, Logger: a.logger.With("part", "projects"),
	})
	if err != nil {
		return err
	}
	users.Register(r)
	templates.Register(r)
	projects.Register(r, projects.Config{Life: life, Links: links, Parts: a.parts()})
	sessions.Register(r, a.agent)
	commits.Register(r)
	files.Register(r, files.Config{Sandboxes: a.sandboxes.client})
	a.agent.Register(r)
	clientconfig.Register(r, a.clientConfig(m))
	return deployments.Register(r, deployments.Config{
		Sandboxes: a.sandboxes.client, Target: a.target, Blobs: blobs, AppURL: a.appURL, AppLog: a.target.log, Logger: a.logger.With("part", "deployments"),
	})
}
