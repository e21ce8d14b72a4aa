//go:build !linux

package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"surgent.dev/surgent/deploy/workerd"
)

type engineSettings struct{ data, cache, key, baseImage, binary string }

type embedded struct {
	handler http.Handler
	key     string
}

func newEmbedded(engineSettings, *slog.Logger) (*embedded, error) {
	return nil, errors.New("the sandbox engine runs on Linux: set DAYTONA_API_KEY, or run in a Linux machine")
}

func (e *embedded) run(context.Context) error   { return nil }
func (e *embedded) ready(context.Context) error { return nil }
func (e *embedded) boxes() workerd.Boxes        { return nil }
func (e *embedded) step() string                { return "" }

func awaitExit(context.Context, int) error { return nil }

func probeEngine(context.Context) []Finding { return nil }
