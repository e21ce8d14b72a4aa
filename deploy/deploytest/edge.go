package deploytest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"surgent.dev/surgent/deploy/assets"
)

// Edge is a strict stand-in for a deploy Worker and the edge network behind
// it: it takes the payload of POST /deploy, refuses whatever a real one would
// choke on or silently lose, and serves the files of what was deployed by the
// Workers rules. It runs no worker code. Faults make it fail in chosen ways.
type Edge struct {
	Secret string // that requests must carry

	mu     sync.Mutex
	apps   map[string]*edgeApp
	faults []Fault
	posts  int
}

type edgeApp struct {
	site   *assets.Site
	worker string
	extra  map[string][]byte // further modules
}

// Fault is how one request fails.
type Fault struct {
	Status     int    // 0 does the work and then breaks the connection
	Body       string // of the answer
	RetryAfter string
}

// NewEdge returns an edge without apps.
func NewEdge(secret string) *Edge {
	return &Edge{Secret: secret, apps: map[string]*edgeApp{}}
}

// Fail makes the next requests fail, one each.
func (e *Edge) Fail(faults ...Fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = append(e.faults, faults...)
}

// Posts returns how many requests to deploy came.
func (e *Edge) Posts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.posts
}

// Module returns a further module of a deployed app.
func (e *Edge) Module(app, name string) ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.apps[app]; a != nil {
		content, ok := a.extra[name]
		return content, ok
	}
	return nil, false
}

// ServeHTTP takes deployments at /deploy on any host without a known app's
// label, and serves apps on <name>.<anything>.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	label, _, _ := strings.Cut(r.Host, ".")
	e.mu.Lock()
	app := e.apps[label]
	e.mu.Unlock()
	switch {
	case r.URL.Path == "/deploy" && app == nil:
		e.deploy(w, r)
	case app == nil:
		http.NotFound(w, r)
	case app.worker == goneWorker:
		http.Error(w, "There is no app here.", http.StatusNotFound)
	default:
		app.site.ServeHTTP(w, r)
	}
}

const goneWorker = `export default { fetch() { return new Response("There is no app here.", { status: 404 }) } }`

func (e *Edge) deploy(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e.mu.Lock()
	e.posts++
	var fault *Fault
	if len(e.faults) > 0 {
		fault, e.faults = &e.faults[0], e.faults[1:]
	}
	e.mu.Unlock()
	if fault != nil && fault.Status != 0 {
		if fault.RetryAfter != "" {
			w.Header().Set("Retry-After", fault.RetryAfter)
		}
		w.WriteHeader(fault.Status)
		_, _ = io.WriteString(w, fault.Body)
		return
	}
	status, answer := http.StatusOK, map[string]any{"success": true}
	switch name, app, err := e.read(r, body); {
	case errors.Is(err, errUnauthorized):
		status, answer = http.StatusUnauthorized, map[string]any{"error": "Unauthorized"}
	case err != nil:
		status, answer = http.StatusInternalServerError, map[string]any{"success": false, "error": err.Error()}
	default:
		e.mu.Lock()
		e.apps[name] = app
		e.mu.Unlock()
	}
	if fault != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

var errUnauthorized = errors.New("unauthorized")

// read checks a request and returns the app in it.
func (e *Edge) read(r *http.Request, body []byte) (name string, app *edgeApp, err error) {
	switch {
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		return "", nil, errors.New("want a POST of JSON")
	case r.Header.Get("Authorization") != "Bearer "+e.Secret:
		return "", nil, errUnauthorized
	}
	return readEdgePayload(body)
}
