package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"surgent.dev/surgent/deploy/workerd/boxwire"
	"surgent.dev/surgent/sandbox/daytona"
)

// SandboxOptions are what `surgent sandbox serve` decides.
type SandboxOptions struct {
	Addr, Key   string
	Data, Cache string // folders
	BaseImage   string // as in config.Config
	Binary      string // this program's own path
	Reserve     int64  // bytes of memory to leave to the machine, 0 for the default
	Logger      *slog.Logger
	// Server is the process id of the server that the engine belongs to: the
	// engine ends after it. 0 for none.
	Server   int
	Progress func(step string) // told what is being built
	Ready    func(url string)
}

// ServeSandboxes runs the sandbox engine alone until ctx ends. It listens once
// the base of all sandboxes stands, so that a client who reaches it can work;
// for a server of its own at once, which shows people what is being built.
func ServeSandboxes(ctx context.Context, o SandboxOptions) error {
	if os.Geteuid() != 0 {
		return errors.New("the sandbox engine needs root: start it with sudo")
	}
	const setting = "--addr"
	l, err := listen(setting, o.Addr) // says at once that the address is taken
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // closed by the stage that serves, as a rule
	e, err := newEmbedded(engineSettings{
		data: o.Data, cache: o.Cache, key: o.Key, baseImage: o.BaseImage, binary: o.Binary, reserve: o.Reserve,
	}, o.Logger)
	if err != nil {
		return err
	}
	handler, err := withBoxes(e, o)
	if err != nil {
		return err
	}
	serve := func(ctx context.Context) error {
		o.Ready("http://" + l.Addr().String() + "/api")
		return serveHTTP(ctx, l, handler, o.Logger, 2*time.Second)
	}
	if o.Server != 0 {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return supervise(ctx, []stage{
			{"engine", e.run},
			{"API", serve},
			{"server", func(ctx context.Context) error { defer cancel(); return awaitExit(ctx, o.Server) }},
		})
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("close %s: %w", o.Addr, err)
	}
	return supervise(ctx, []stage{
		{"engine", e.run},
		{"API", func(ctx context.Context) error {
			if err := awaitBase(ctx, e, o.Progress); err != nil {
				return err
			}
			if l, err = listen(setting, o.Addr); err != nil {
				return err
			}
			return serve(ctx)
		}},
	})
}

// withBoxes puts the boxes that deployed apps run in beside the engine's API,
// for a server that is not root. Hosts with a name are previews, whose paths
// are their own. The files stand beside the data folder, which is the engine's
// alone.
func withBoxes(e *embedded, o SandboxOptions) (http.Handler, error) {
	boxes, err := boxwire.NewHandler(boxwire.HandlerConfig{
		Boxes: e.boxes(), Key: o.Key, Dir: filepath.Clean(o.Data) + ".boxfiles", Logger: o.Logger.With("part", "boxes"),
	})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if (host == "localhost" || net.ParseIP(host) != nil) && strings.HasPrefix(r.URL.Path, "/boxes/") {
			boxes.ServeHTTP(w, r)
			return
		}
		e.handler.ServeHTTP(w, r)
	}), nil
}

// awaitBase waits for the base and tells each step of its building once.
func awaitBase(ctx context.Context, e *embedded, progress func(string)) error {
	done := make(chan error, 1) // one send
	go func() { done <- e.ready(ctx) }()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if s := e.step(); s != "" && s != last {
				last = s
				progress(s)
			}
		}
	}
}

// BuildBase builds the base of all sandboxes on this machine, unless it is
// there, and returns.
func BuildBase(ctx context.Context, o SandboxOptions) error {
	if os.Geteuid() != 0 {
		return errors.New("building the base needs root: start it with sudo")
	}
	e, err := newEmbedded(engineSettings{data: o.Data, cache: o.Cache, key: o.Key, baseImage: o.BaseImage, binary: o.Binary}, o.Logger)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return supervise(ctx, []stage{
		{"engine", e.run},
		{"base", func(ctx context.Context) error { defer cancel(); return awaitBase(ctx, e, o.Progress) }},
	})
}

// PurgeSandboxes ends and removes every sandbox of a data folder, whose server
// must not run: sandboxes outlive their server by design.
func PurgeSandboxes(ctx context.Context, o SandboxOptions) error {
	if os.Geteuid() != 0 {
		return errors.New("removing sandboxes needs root: start it with sudo")
	}
	if inner := filepath.Join(o.Data, "sandboxes"); isDir(inner) {
		o.Data = inner
	}
	if !isDir(o.Data) {
		return nil
	}
	o.Key = rand.Text()
	e, err := newEmbedded(engineSettings{data: o.Data, cache: o.Cache, key: o.Key, baseImage: o.BaseImage, binary: o.Binary}, o.Logger)
	if err != nil {
		return err
	}
	l, err := listen("the engine", "127.0.0.1:0")
	if err != nil {
		return err
	}
	client, err := daytona.NewEmbedded(daytona.Config{APIKey: o.Key, ServerURL: "http://" + l.Addr().String() + "/api", Logger: o.Logger})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return supervise(ctx, []stage{
		{"engine", e.run},
		{"API", func(ctx context.Context) error { return serveHTTP(ctx, l, e.handler, o.Logger, time.Second) }},
		{"purge", func(ctx context.Context) error {
			defer cancel()
			all, err := client.List(ctx, nil)
			if err != nil {
				return err
			}
			for _, box := range all {
				if err := client.Delete(ctx, box.ID); err != nil {
					return err
				}
			}
			return nil
		}},
	})
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
