package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/deploy/webhook"
	"surgent.dev/surgent/deploy/workerd"
	"surgent.dev/surgent/internal/config"
	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/internal/server/apps"
)

// target is where apps go, and the door to those that live on this machine.
type target struct {
	deploy.Target
	apps  http.Handler             // nil when apps live elsewhere
	log   func(name string) string // what an app wrote last; nil when apps live elsewhere
	close func()                   // ends what serves apps
	// sweep forgets contents that no app needs any more.
	sweep func()
	// prepare fetches what the first deployment would wait for.
	prepare func(context.Context) error
}

// forgetful is a target that keeps nothing on this machine: what a build left
// for it goes after a while.
type forgetful struct {
	deploy.Target
	blobs  *release.Blobs
	logger *slog.Logger
}

// keepBuilds is longer than any deployment takes.
const keepBuilds = 2 * time.Hour

func (f forgetful) Publish(ctx context.Context, rel *deploy.Release, progress deploy.Progress) (*deploy.Published, error) {
	published, err := f.Target.Publish(ctx, rel, progress)
	f.sweep()
	return published, err
}

func (f forgetful) sweep() {
	if _, err := f.blobs.Sweep(func(string) bool { return false }, clock.Now().Add(-keepBuilds)); err != nil {
		f.logger.Warn("sweep builds", "error", err)
	}
}

// appURL is where an app of this name answers: below this server's domain, or
// below the endpoint's that it is deployed to.
func (a *App) appURL(name string) string {
	scheme, domain := a.appsAt()
	return scheme + "://" + name + "." + domain
}

func (a *App) appsAt() (scheme, domain string) {
	if at, err := url.Parse(a.config.Cloudflare.DeployURL); err == nil && at.Host != "" {
		return at.Scheme, at.Host
	}
	return config.Scheme(a.config.Domain), a.config.Domain
}

func (a *App) openTarget(blobs *release.Blobs) (*target, error) {
	if at := a.config.Cloudflare.DeployURL; at != "" {
		t, err := webhook.New(webhook.Config{URL: at, Secret: a.config.Cloudflare.DeploySecret.Reveal(), AppURL: a.appURL})
		if err != nil {
			return nil, fmt.Errorf("open deploy target: %w", err)
		}
		kept := forgetful{t, blobs, a.logger.With("part", "apps")}
		return &target{
			Target: kept, sweep: kept.sweep,
			prepare: func(context.Context) error { return nil },
		}, nil
	}
	t, err := workerd.Open(workerd.Config{
		Dir: filepath.Join(a.config.Data, "apps"), Blobs: blobs, URL: a.appURL,
		Runtime: &workerd.Runtime{Dir: filepath.Join(a.config.Cache, "workerd")},
		Boxes:   a.sandboxes.boxes(), Logger: a.logger.With("part", "apps"),
	})
	if err != nil {
		return nil, err
	}
	closeOnce := sync.OnceFunc(t.Close)
	a.closers = append(a.closers, closeOnce)
	return &target{Target: t, apps: apps.New(t), log: t.Log, close: closeOnce, sweep: t.Sweep, prepare: t.Prepare}, nil
}
