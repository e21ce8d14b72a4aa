package app

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"testing/fstest"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/internal/config"
	"surgent.dev/surgent/internal/server"
	"surgent.dev/surgent/internal/server/health"
	"surgent.dev/surgent/internal/server/preview"
	"surgent.dev/surgent/internal/server/workspace"
	"surgent.dev/surgent/sandbox/daytona"
	"surgent.dev/surgent/web"
)

// doors builds the handlers of every host.
func (a *App) doors(links *preview.Links, devServer *url.URL) (http.Handler, error) {
	scheme := config.Scheme(a.config.Domain)
	page, err := workspace.New(workspace.Config{
		Files: pages(), DevServer: devServer, Domain: a.config.Domain, Scheme: scheme, Logger: a.logger.With("part", "workspace"),
	})
	if err != nil {
		return nil, err
	}
	previews, err := preview.New(preview.Config{
		Links: links, Sandboxes: &gate{runtime: a.runtime, sandboxes: a.sandboxes.client},
		Workspace: scheme + "://" + a.config.Domain, Dial: daytona.Dial, Logger: a.logger.With("part", "preview"),
	})
	if err != nil {
		return nil, err
	}
	return server.New(server.Config{
		Domain: a.config.Domain, Scheme: scheme, Workspace: page,
		Functions: a.runtime.Handler(), FunctionPaths: convex.Paths(), Origins: a.config.Origins,
		Preview: previews, Apps: a.target.apps,
		Health: health.New(health.Config{Logger: a.logger, Checks: []health.Check{
			{Name: "database", Ask: a.pingDatabase}, {Name: "disk", Ask: a.askDisk},
		}}),
	})
}

// askDisk fails when so little is free that writes are about to.
func (a *App) askDisk(context.Context) error {
	const least = 16 << 20
	free, err := writable(a.config.Data)
	if err == nil && free < least {
		err = fmt.Errorf("only %d MB are free in %s", free>>20, a.config.Data)
	}
	return err
}

func (a *App) pingDatabase(ctx context.Context) error {
	return a.runtime.RunQuery(ctx, "projects:ping", nil, nil)
}

// pages returns the built workspace, or the page that says how to build it.
func pages() fs.FS {
	built, ok := web.Dist()
	if ok {
		return built
	}
	text, err := fs.ReadFile(built, "placeholder.html")
	if err != nil {
		text = []byte("<!doctype html><title>Surgent</title><p>The workspace is not built. Run make web.")
	}
	return fstest.MapFS{"index.html": {Data: text}}
}
