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
	"path/filepath"
	"strings"
	"time"

	"surgent.dev/surgent/deploy/workerd"
	"surgent.dev/surgent/deploy/workerd/boxwire"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/config"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/daytona"
)

// sandboxes is where sandboxes live, as the rest of app needs it.
type sandboxes struct {
	client    sandbox.Client
	snapshots templates.Snapshots // nil where running sandboxes can't be frozen
	engine    *embedded           // nil unless the engine runs in this process
	listener  net.Listener        // of the engine's API
	missing   string              // why there are none, and the way out; "" when there are
	// remoteBoxes are those of an engine in another process of this machine.
	remoteBoxes workerd.Boxes
}

// openSandboxes chooses: a server of the Daytona API when a key is set, else
// the engine in this process, which needs root. Without either the rest of
// the server still works, and projects say why they have no sandbox.
func openSandboxes(ctx context.Context, a *App) (*sandboxes, error) {
	if key := a.config.Daytona.APIKey; key != "" {
		s, err := remote(a, key.Reveal())
		if err != nil {
			return nil, err
		}
		return s, checkKey(ctx, a, s.client)
	}
	switch {
	case os.Geteuid() != 0:
		return none(a, needsRoot)
	case a.binary == "":
		return none(a, "this build carries no isolation engine: build it on Linux without the tag no_runsc, or set DAYTONA_API_KEY")
	}
	key, err := keyFile(filepath.Join(a.config.Data, "keys", "engine.key"))
	if err != nil {
		return nil, err
	}
	eng, err := newEmbedded(engineSettings{
		data: filepath.Join(a.config.Data, "sandboxes"), cache: a.config.Cache, key: key,
		baseImage: a.config.BaseImage, binary: a.binary, reserve: a.config.Reserve,
	}, a.logger)
	if err != nil {
		return nil, err
	}
	l, err := listen("the engine", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() { _ = l.Close() })
	c, err := daytona.NewEmbedded(daytona.Config{
		APIKey: key, ServerURL: "http://" + l.Addr().String() + "/api", Logger: a.logger.With("part", "sandbox client"),
	})
	if err != nil {
		return nil, err
	}
	return &sandboxes{client: c, snapshots: c, engine: eng, listener: l}, nil
}

// remote talks to another process. One on the loopback is `surgent sandbox
// serve`, which can freeze what runs; others are Daytona's.
func remote(a *App, key string) (*sandboxes, error) {
	cfg := daytona.Config{APIKey: key, ServerURL: a.config.Daytona.ServerURL, Logger: a.logger.With("part", "sandbox client")}
	u, err := url.Parse(cfg.ServerURL)
	if err != nil {
		return nil, fmt.Errorf("DAYTONA_SERVER_URL: %w", err)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		c, err := daytona.NewEmbedded(cfg)
		if err != nil {
			return nil, err
		}
		boxes, err := boxwire.NewClient(cfg.ServerURL, key)
		if err != nil {
			return nil, err
		}
		return &sandboxes{client: c, snapshots: c, remoteBoxes: boxes}, nil
	}
	c, err := daytona.New(cfg)
	if err != nil {
		return nil, err
	}
	return &sandboxes{client: c}, nil
}

// needsRoot is what a server without sandboxes says, at its start and in every
// project.
const needsRoot = "sandboxes need root: start with sudo, run `make run`, or set DAYTONA_API_KEY"

// checkKey stops the start on a key that the server refuses. A server that
// doesn't answer is none of it: it may be a moment late.
func checkKey(ctx context.Context, a *App, c sandbox.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := c.List(ctx, map[string]string{"surgent-project": "none"})
	var answer *daytona.Error
	switch {
	case errors.As(err, &answer) && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden):
		return &config.Error{Variable: "DAYTONA_API_KEY", Wants: "the server at " + a.config.Daytona.ServerURL + " refuses it: set its key, or unset it to use the embedded engine"}
	case err != nil:
		a.logger.Warn("the sandbox server doesn't answer yet", "server", a.config.Daytona.ServerURL, "error", err)
	}
	return nil
}

// none is a client whose every call fails, for a server whose log says why.
func none(a *App, why string) (*sandboxes, error) {
	a.logger.Warn("there are no sandboxes", "reason", why)
	why = strings.ToUpper(why[:1]) + why[1:]
	c, err := daytona.New(daytona.Config{
		APIKey: "none", ServerURL: "http://sandboxes.invalid/api", Backoff: time.Millisecond,
		HTTPClient: &http.Client{Transport: refusing{why}},
	})
	if err != nil {
		return nil, err
	}
	return &sandboxes{client: c, missing: why}, nil
}

// refusing is a way to nowhere that says why.
type refusing struct{ why string }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errs.New(errs.Unavailable, "This server has no sandboxes. %s", r.why)
}

// runEngine runs the engine of this process with its API, until ctx ends:
// first the API, then the engine, which saves what runs.
func (s *sandboxes) runEngine(ctx context.Context, logger *slog.Logger) error {
	return supervise(ctx, []stage{
		{"engine", s.engine.run},
		{"API", func(ctx context.Context) error {
			return serveHTTP(ctx, s.listener, s.engine.handler, logger, 2*time.Second)
		}},
	})
}

// serveHTTP serves until ctx ends, then waits a little for open requests.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, logger *slog.Logger, grace time.Duration) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1) // one send, by the goroutine below
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := s.Shutdown(down); err != nil {
		_ = s.Close() // streams and previews don't end by themselves
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// boxes are confined places for the code of deployed apps; nil where there
// are none, and then only apps without code can be published.
func (s *sandboxes) boxes() workerd.Boxes {
	if s.engine == nil {
		return s.remoteBoxes
	}
	return s.engine.boxes()
}
