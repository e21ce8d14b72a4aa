//go:build linux

package app

import (
	"context"
	"log/slog"
	"net/http"

	"surgent.dev/surgent/sandbox/engine"
	"surgent.dev/surgent/sandbox/toolbox/bin"
	"surgent.dev/surgent/snapshots/default-env"
)

// engineSettings are what app decides about an engine.
type engineSettings struct {
	data, cache, key string
	binary           string // this program, which is also runsc
}

// embedded is the engine in this process.
type embedded struct {
	engine  *engine.Engine
	handler http.Handler
	key     string
}

func newEmbedded(s engineSettings, logger *slog.Logger) (*embedded, error) {
	toolbox, err := toolboxbin.Binary()
	if err != nil {
		return nil, err
	}
	e, err := engine.New(engine.Config{
		DataDir: s.data, CacheDir: s.cache, APIKey: s.key, Runsc: []string{s.binary, "runsc"},
		Toolbox: toolbox, Recipe: defaultenv.Files, Logger: logger.With("part", "engine"),
	})
	if err != nil {
		return nil, err
	}
	return &embedded{engine: e, handler: e.Handler(), key: s.key}, nil
}

func (e *embedded) run(ctx context.Context) error { return e.engine.Run(ctx) }

// ready waits until sandboxes can be made and says why they can't.
func (e *embedded) ready(ctx context.Context) error { return e.engine.Ready(ctx) }

// step says in words what is being built, "" for nothing.
func (e *embedded) step() string { return e.engine.BaseStep() }
