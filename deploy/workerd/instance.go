package workerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"surgent.dev/surgent/deploy"
)

// instance is one running process of one release, with all that belongs to
// it. It is made by start, used through ServeHTTP, and ends with close.
type instance struct {
	box    Box
	dir    string // the configuration
	proxy  *httputil.ReverseProxy
	health *http.Client
	app    *http.Transport
	began  time.Time

	// journal gets what the process wrote once it ends, nil while nobody has
	// taken the process into service.
	journal   atomic.Pointer[journal]
	now       func() time.Time
	freePlace func()
	listeners sync.WaitGroup
	stops     []func()
	closeOnce sync.Once
}

// start runs the worker of r's release and returns once its event loop
// answers. A worker that cannot start is a deploy.Refusal with the runtime's
// own words.
func (t *Target) start(ctx context.Context, r *runner) (_ *instance, err error) {
	name := r.name
	binary, err := t.binary(ctx, func(string) {})
	if err != nil {
		return nil, err
	}
	place, err := t.takePlace(r)
	if err != nil {
		return nil, err
	}
	i := &instance{began: t.now(), now: t.now, freePlace: func() { t.freePlace(place) }}
	defer func() {
		if err != nil {
			i.close("")
		}
	}()
	if i.dir, err = os.MkdirTemp(t.runDir(), name+"-"); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	// The box's user reads it; to the host's users the folder above is closed.
	if err := os.Chmod(i.dir, 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if i.box, err = t.c.Boxes.New(ctx, "app-"+name); err != nil {
		return nil, noPlace(name, err)
	}
	var at addresses
	if at.assets, err = i.serveAssets(ctx, r.site); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if at.egress, err = i.serveEgress(ctx, newEgress(t.egressRules(), t.now, t.c.Logger.With("app", name))); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := writeConfig(i.dir, r.m, t.c.Blobs.Read, at); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	i.connect(t, r)
	err = i.box.Start(ctx, Program{
		Args:   []string{"/workerd", "serve", "/app/config.capnp"},
		Files:  map[string]string{"/workerd": binary, "/app": i.dir},
		Memory: t.c.Memory, CPUs: t.c.CPUs,
	})
	if err != nil {
		return nil, noPlace(name, err)
	}
	if err := i.ready(ctx, t.c.Ready); err != nil {
		return nil, err
	}
	return i, nil
}

// noPlace says that the machine, not the app, is to blame.
func noPlace(name string, err error) error {
	return fmt.Errorf("start %s: %w", name, &deploy.Outage{Reason: "the app's process could not be started; try again in a moment", Cause: err})
}

// binary returns the path of the runtime that this machine runs code with.
func (t *Target) binary(ctx context.Context, progress func(string)) (string, error) {
	if t.c.Boxes == nil {
		return "", &deploy.Outage{Reason: "this server has no sandboxes of its own to run an app's code in: it publishes apps without a worker, or sends apps to a deploy endpoint where one is configured"}
	}
	path, err := t.c.Runtime.Path(ctx, progress)
	if err != nil {
		return "", &deploy.Outage{Reason: "the Workers runtime could not be fetched; the server's log says why", Cause: err}
	}
	return path, nil
}

// serveAssets answers the app's assets binding at the address it returns.
func (i *instance) serveAssets(ctx context.Context, site http.Handler) (inside string, err error) {
	l, inside, err := i.box.Listen(ctx)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: site, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	i.stops = append(i.stops, func() {
		_ = server.Close() // its listener goes with the box, if not now
	})
	i.listeners.Go(func() {
		_ = server.Serve(l) // ends when the instance is closed, and says only that
	})
	return inside, nil
}

// serveEgress answers what the app asks of other servers.
func (i *instance) serveEgress(ctx context.Context, e *egress) (inside string, err error) {
	l, inside, err := i.box.Listen(ctx)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	i.stops = append(i.stops, func() {
		cancel()
		_ = l.Close()
	})
	i.listeners.Go(func() { e.serve(ctx, l) })
	return inside, nil
}

// connect makes the clients of the program's two sockets.
func (i *instance) connect(t *Target, r *runner) {
	to := func(port int) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, _, _ string) (net.Conn, error) { return i.box.Dial(ctx, port) }
	}
	i.health = &http.Client{Transport: &http.Transport{DialContext: to(healthPort)}, Timeout: t.c.Stall}
	i.app = &http.Transport{
		DialContext: to(appPort), DisableCompression: true, ResponseHeaderTimeout: t.c.FirstByte,
		MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second,
	}
	i.proxy = newProxy(i.app, t.c.URL, t.c.Logger, func(ctx context.Context) {
		// A process that is going down takes its time; the next visitor should
		// not run into it.
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if i.probe(ctx) != nil {
			r.ended(i)
			i.close("The process broke off.")
		}
	})
}

// ready waits until the event loop answers or the program has ended.
func (i *instance) ready(ctx context.Context, limit time.Duration) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	again := time.NewTicker(15 * time.Millisecond)
	defer again.Stop()
	for {
		// Not longer: whether the program has ended is to be seen soon.
		brief, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		err := i.probe(brief)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-i.box.Done():
			return deploy.Refuse("the worker does not start%s", complaint(i.box.Output()))
		case <-deadline.C:
			return deploy.Refuse("the worker did not start within %s; is there a loop or a long computation at the top of a module%s", limit, cmp.Or(complaint(i.box.Output()), "?"))
		case <-ctx.Done():
			return fmt.Errorf("start worker: %w", context.Cause(ctx))
		case <-again.C:
		}
	}
}

// probe asks the health worker. Without an answer in time the event loop
// stands still.
func (i *instance) probe(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://health/", http.NoBody)
	if err != nil {
		return err
	}
	res, err := i.health.Do(r)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// ended tells whether the process is gone.
func (i *instance) ended() bool {
	select {
	case <-i.box.Done():
		return true
	default:
		return false
	}
}

// close kills the process and takes back what it had. It may be called from
// several goroutines and returns to each when all is gone; what the first says
// is why, for the app's log.
func (i *instance) close(why string) {
	i.closeOnce.Do(func() {
		for _, stop := range i.stops {
			stop()
		}
		if i.box != nil {
			// What is asked for after the end may be gone.
			output := i.box.Output()
			_ = i.box.Close() // the box's maker sweeps what it could not free
			if j := i.journal.Load(); j != nil {
				j.add(readable(output))
				if why != "" {
					j.note(i.now(), why)
				}
			}
		}
		i.listeners.Wait()
		if i.app != nil {
			i.app.CloseIdleConnections()
			i.health.CloseIdleConnections()
		}
		if i.dir != "" {
			_ = os.RemoveAll(i.dir) // Open empties the folder above
		}
		i.freePlace()
	})
}

// complaint is what an author can make of the runtime's output, after a colon;
// "" when there is nothing.
func complaint(output string) string {
	text := strings.TrimSuffix(readable(output), "\n")
	if len(text) > 2000 {
		text = "…" + strings.ToValidUTF8(text[len(text)-2000:], "")
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

var errMoved = errors.New("the release is no longer live")
