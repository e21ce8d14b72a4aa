package workerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/assets"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/internal/kit/keylock"
)

const maxRequestBytes = 100 << 20

// Config is what a Target needs. Zero values of the lower part mean the
// default beside each.
type Config struct {
	// Dir keeps the apps' records; it is this target's alone.
	Dir string
	// Blobs keeps the contents. It may be the store that releases were
	// collected into, which saves a copy, but then nobody else sweeps it.
	Blobs *release.Blobs
	// URL says where the app of a name answers.
	URL func(name string) string
	// Runtime brings the workerd binary. Nil, like nil Boxes, means that only
	// apps without code can be published.
	Runtime *Runtime
	Boxes   Boxes
	Logger  *slog.Logger

	Now func() time.Time // the real clock
	// Allow tells which addresses apps may connect to: public ones. It is asked
	// about the very address that is dialed, whatever name led to it.
	Allow func(netip.AddrPort) bool
	// Resolve returns a name's addresses: the host's resolver.
	Resolve   func(ctx context.Context, host string) ([]netip.Addr, error)
	Memory    int64         // bytes for one app's box: 512 MiB
	CPUs      float64       // 1
	Running   int           // processes at once: 16
	Ready     time.Duration // from start to the first answer: 10 s
	FirstByte time.Duration // of an answer to a visitor: 30 s
	Body      time.Duration // of silence within what a visitor sends: 1 min
	Stall     time.Duration // how long an event loop may stand still: 5 s
	Probe     time.Duration // between looks at it: 1 s
	Idle      time.Duration // without visitors until a process is stopped: 5 min
	Grace     time.Duration // for requests to a release that was replaced: 30 s
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Allow == nil {
		c.Allow = publicAddress
	}
	if c.Resolve == nil {
		c.Resolve = lookup
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Memory = cmp.Or(c.Memory, 512<<20)
	c.CPUs = cmp.Or(c.CPUs, 1)
	c.Running = cmp.Or(c.Running, 16)
	c.Ready = cmp.Or(c.Ready, 10*time.Second)
	c.FirstByte = cmp.Or(c.FirstByte, 30*time.Second)
	c.Body = cmp.Or(c.Body, time.Minute)
	c.Stall = cmp.Or(c.Stall, 5*time.Second)
	c.Probe = cmp.Or(c.Probe, time.Second)
	c.Idle = cmp.Or(c.Idle, 5*time.Minute)
	c.Grace = cmp.Or(c.Grace, 30*time.Second)
	return c
}

// Target publishes apps on this machine and serves them.
type Target struct {
	c       Config
	records records
	now     func() time.Time

	mu       sync.RWMutex
	apps     map[string]*app
	journals map[string]*journal
	places   map[*place]struct{} // processes that run or start
	closed   bool
	// closing is closed by Close; it ends the grace of replaced releases.
	closing   chan struct{}
	closeOnce sync.Once

	// publishing is held by name while an app changes.
	publishing keylock.Keys
	background sync.WaitGroup
}

var _ deploy.Target = (*Target)(nil)

// app is a name that answers. It is replaced, never changed.
type app struct {
	record *record
	runner *runner
}

type place struct{ owner *runner }

// Open returns the target with the apps that were live when it was last used.
// No process is started before somebody asks for it.
func Open(c Config) (*Target, error) {
	switch {
	case c.Dir == "":
		return nil, errors.New("open apps: no Dir")
	case c.Blobs == nil:
		return nil, errors.New("open apps: no Blobs")
	case c.URL == nil:
		return nil, errors.New("open apps: no URL")
	}
	if c.Runtime == nil {
		c.Boxes = nil
	}
	t := &Target{
		c: c.withDefaults(), records: records{filepath.Join(c.Dir, "live")},
		apps: map[string]*app{}, journals: map[string]*journal{}, places: map[*place]struct{}{},
		closing: make(chan struct{}),
	}
	t.now = t.c.Now
	// What runs left behind when the program was killed.
	if err := os.RemoveAll(t.runDir()); err != nil {
		return nil, fmt.Errorf("open apps: %w", err)
	}
	for _, dir := range []string{t.records.dir, t.runDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open apps: %w", err)
		}
	}
	all, err := t.records.load(func(name string, err error) {
		t.c.Logger.Error("app's record is damaged; it is not served", "app", name, "error", err)
	})
	if err != nil {
		return nil, err
	}
	for name, r := range all {
		t.apps[name] = &app{record: r, runner: t.runnerFor(name, r.live())}
	}
	return t, nil
}

// Prepare fetches what the first app with code would have to wait for. It may
// be called at any time, or never.
func (t *Target) Prepare(ctx context.Context) error {
	if t.c.Boxes == nil {
		return nil
	}
	_, err := t.c.Runtime.Path(ctx, func(string) {})
	return err
}

// egressRules are the same for all apps.
func (t *Target) egressRules() egressRules {
	rules := egressRules{allow: t.c.Allow, resolve: t.c.Resolve}
	if u, err := url.Parse(t.c.URL("x")); err == nil {
		rules.domain = strings.ToLower(strings.TrimPrefix(u.Hostname(), "x"))
	}
	return rules
}

func (t *Target) runDir() string { return filepath.Join(t.c.Dir, "run") }

// Close stops all processes and waits for them. Requests fail afterwards.
func (t *Target) Close() {
	t.mu.Lock()
	t.closed = true
	apps := t.apps
	t.apps = map[string]*app{}
	t.mu.Unlock()
	t.closeOnce.Do(func() { close(t.closing) })
	for _, a := range apps {
		a.runner.close(0)
	}
	t.background.Wait()
}

// ServeApp answers a visitor of the app of that name.
func (t *Target) ServeApp(name string, w http.ResponseWriter, r *http.Request) {
	err := errMoved
	// A release that is replaced while it is asked sends the visitor to the
	// next one.
	for range 3 {
		a := t.find(name)
		if a == nil {
			page(w, http.StatusNotFound, "There is no app here", "Nothing is deployed under this name.")
			return
		}
		if err = a.runner.serve(w, r); !errors.Is(err, errMoved) {
			break
		}
	}
	if err != nil {
		w.Header().Set("Retry-After", "5")
		page(w, http.StatusServiceUnavailable, "This app does not start", "Its code could not be run just now. Try again in a moment.")
	}
}

func (t *Target) find(name string) *app {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.apps[name]
}

// Log returns the last of what the app's code wrote to its console, with the
// exceptions that it did not catch and why its processes ended. It is "" for
// an unknown name. A restart forgets what came before it.
func (t *Target) Log(name string) string {
	a := t.find(name)
	if a == nil {
		return ""
	}
	a.runner.mu.Lock()
	i := a.runner.current
	a.runner.mu.Unlock()
	if i == nil {
		return a.runner.journal.with("")
	}
	return a.runner.journal.with(readable(i.box.Output()))
}

// journal returns the log of the app of that name.
func (t *Target) journal(name string) *journal {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.journals[name]
	if j == nil {
		j = &journal{}
		t.journals[name] = j
	}
	return j
}

func (t *Target) runnerFor(name string, m *manifest) *runner {
	site := assets.New(&deploy.Release{
		CompatibilityDate: m.CompatibilityDate, CompatibilityFlags: m.CompatibilityFlags,
		Modules: make([]deploy.Module, len(m.Modules)), Assets: m.Assets, AssetsConfig: m.AssetsConfig, Open: t.c.Blobs.Open,
	})
	return &runner{t: t, name: name, m: m, site: site, journal: t.journal(name)}
}

// takePlace makes room for one more process, stopping the one that was unused
// for longest when there are too many.
func (t *Target) takePlace(owner *runner) (*place, error) {
	p := &place{owner: owner}
	for {
		t.mu.Lock()
		if len(t.places) < t.c.Running {
			t.places[p] = struct{}{}
			t.mu.Unlock()
			return p, nil
		}
		owners := make([]*runner, 0, len(t.places))
		for other := range t.places {
			owners = append(owners, other.owner)
		}
		t.mu.Unlock()
		slices.SortFunc(owners, func(a, b *runner) int { return a.used().Compare(b.used()) })
		if !slices.ContainsFunc(owners, (*runner).evict) {
			return nil, &deploy.Outage{Reason: fmt.Sprintf("all %d places for apps that run code are in use; try again in a moment", t.c.Running)}
		}
	}
}

func (t *Target) freePlace(p *place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.places, p)
}
