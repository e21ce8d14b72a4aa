package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// freshPath is where the workspace asks, once a frame has loaded, whether the
// dev server would still serve what the frame got.
//
// Vite tells a change to the pages that listen when it happens. A page that is
// still loading doesn't: its socket opens late, and an update of a module that
// has been fetched but not run is dropped. Such a page would show the old
// files until somebody reloads it. So the door notes the version of each part
// that a loading page gets, and compares after the page has run and listens:
// what changes from then on reaches it by HMR.
const freshPath = "/.surgent/fresh"

// Bounds of what is noted. The visitor and the app choose each part's texts,
// which may be as long as a request's headers: longer ones are not compared.
const (
	maxLoads = 64
	maxParts = 500
	maxPart  = 2 << 10 // bytes
)

// How long an answer waits for the page's socket, and takes at most.
const (
	socketPatience = 3 * time.Second
	freshPatience  = 10 * time.Second
)

// part is how one script or style was asked for, and which version came.
type part struct {
	etag   string
	dest   string // Sec-Fetch-Dest: Vite serves a style differently as a script
	accept string
}

// load is what the newest page of one preview got so far.
type load struct {
	parts  map[string]part // by path and query
	vite   bool            // it has Vite's client, which opens a socket
	socket chan struct{}   // closed by opened once the socket is there
	once   sync.Once
}

// loads knows the newest load of each sandbox, whichever of its ports it is of
// and however the host was spelled: a preview can't push out those of others. A
// page that somebody else opens at the same time shares it: at worst one of
// the two is not compared.
type loads struct {
	mu    sync.Mutex // guards the rest
	byBox map[string]*load
}

// begin starts a load of sandbox id when the request is for a document in a frame.
func (l *loads) begin(id string, r *http.Request) {
	if r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Dest") != "iframe" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byBox) >= maxLoads {
		for other := range l.byBox { // any: the page that is forgotten counts as fresh
			delete(l.byBox, other)
			break
		}
	}
	l.byBox[id] = &load{parts: map[string]part{}, socket: make(chan struct{})}
}

// note keeps which version of a part went out, or that the socket opened.
func (l *loads) note(id string, res *http.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.byBox[id]
	if it == nil {
		return
	}
	r := res.Request
	if res.StatusCode == http.StatusSwitchingProtocols {
		if r.Header.Get("Sec-WebSocket-Protocol") == "vite-hmr" {
			it.once.Do(func() { close(it.socket) })
		}
		return
	}
	dest := r.Header.Get("Sec-Fetch-Dest")
	if r.Method != http.MethodGet || dest != "script" && dest != "style" {
		return
	}
	if strings.HasSuffix(r.URL.Path, "/@vite/client") {
		it.vite = true
	}
	uri := r.URL.RequestURI()
	if !strings.HasPrefix(uri, "/") {
		return // no path: it is not asked again
	}
	etag := res.Header.Get("ETag")
	if etag == "" && res.StatusCode == http.StatusNotModified {
		etag = r.Header.Get("If-None-Match")
	}
	known := res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNotModified
	if etag == "" || !known || strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		return
	}
	if r.URL.Query().Has("t") {
		delete(it.parts, r.URL.Path) // HMR has replaced what was fetched before
	}
	accept := r.Header.Get("Accept")
	if len(it.parts) < maxParts && len(uri)+len(etag)+len(accept) <= maxPart {
		it.parts[uri] = part{etag: etag, dest: dest, accept: accept}
	}
}

// newest returns the parts of the newest page of a preview and its socket's
// sign; nil parts where nothing is to be compared.
func (l *loads) newest(id string) (parts map[string]part, socket <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.byBox[id]
	if it == nil || !it.vite {
		return nil, nil
	}
	parts = make(map[string]part, len(it.parts))
	for uri, p := range it.parts {
		parts[uri] = p
	}
	return parts, it.socket
}

// fresh answers the workspace's question, {"fresh": bool}. It is the one path
// that a page of another origin may fetch, and that page is the workspace.
func (d *door) fresh(w http.ResponseWriter, r *http.Request, box *Sandbox, id string, port int) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Origin")
	if r.Header.Get("Origin") != d.Workspace || box == nil || !box.Public && !d.Links.opens(r, id) {
		show(w, r, http.StatusForbidden, page{Title: "This preview is private."})
		return
	}
	h.Set("Access-Control-Allow-Origin", d.Workspace)
	h.Set("Access-Control-Allow-Credentials", "true")
	fresh := true
	if box.State == Started {
		ctx, cancel := context.WithTimeout(r.Context(), freshPatience)
		defer cancel()
		var err error
		if fresh, err = d.compare(ctx, id, port); err != nil {
			// Nothing is known against the page, so it is left alone.
			d.Logger.DebugContext(r.Context(), "preview could not be compared", "host", r.Host, "error", err)
			fresh = true
		}
	}
	h.Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]bool{"fresh": fresh}) // the visitor may have gone
}

var errChanged = errors.New("a part has changed")

// compare waits until the page listens and asks the dev server for each part
// again.
func (d *door) compare(ctx context.Context, id string, port int) (bool, error) {
	_, socket := d.loads.newest(id)
	if socket == nil {
		return true, nil
	}
	patience := time.NewTimer(socketPatience)
	defer patience.Stop()
	select {
	case <-socket:
	case <-patience.C: // a page without HMR: what it has is compared all the same
	case <-ctx.Done():
		return false, fmt.Errorf("wait for the page's socket: %w", ctx.Err())
	}
	parts, _ := d.loads.newest(id)
	target, err := d.Sandboxes.Target(ctx, id, port)
	if err != nil {
		return false, fmt.Errorf("find target of %s: %w", id, err)
	}
	to, err := url.Parse(target.URL)
	if err != nil {
		return false, fmt.Errorf("parse preview address: %w", err)
	}
	asks, ctx := errgroup.WithContext(ctx)
	asks.SetLimit(8)
	for uri, p := range parts {
		asks.Go(func() error { return d.ask(ctx, to, target.Token, uri, p) })
	}
	if err := asks.Wait(); errors.Is(err, errChanged) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, nil
}

// ask returns errChanged when the dev server no longer serves this version.
func (d *door) ask(ctx context.Context, to *url.URL, token, uri string, p part) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to.Scheme+"://"+to.Host+uri, nil)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", uri, err)
	}
	for name, value := range map[string]string{"If-None-Match": p.etag, "Sec-Fetch-Dest": p.dest, "Accept": p.accept} {
		r.Header.Set(name, value)
	}
	setWayIn(r.Header, token)
	res, err := d.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", uri, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // so that the connection is used again
	_ = res.Body.Close()
	if res.StatusCode == http.StatusNotModified || res.StatusCode == http.StatusOK && res.Header.Get("ETag") == p.etag {
		return nil
	}
	return errChanged
}

// setWayIn says to the sandbox's server who asks.
func setWayIn(h http.Header, token string) {
	h.Set("X-Daytona-Preview-Token", token)
	h.Set("X-Daytona-Skip-Preview-Warning", "true")
}
