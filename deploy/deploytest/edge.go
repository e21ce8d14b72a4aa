package deploytest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"surgent.dev/surgent/deploy"
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

// edgePayload is spelled out here once more, so that a slip in the driver's
// own types shows.
type edgePayload struct {
	WranglerConfig string `json:"wranglerConfig"`
	WorkerContent  string `json:"workerContent"`
	AssetsManifest map[string]struct {
		Hash string `json:"hash"`
		Size int    `json:"size"`
	} `json:"assetsManifest"`
	Files []struct {
		Path   string `json:"path"`
		Base64 string `json:"base64"`
	} `json:"files"`
	CompatibilityFlags []string       `json:"compatibilityFlags"`
	AssetsConfig       map[string]any `json:"assetsConfig"`
	AdditionalModules  []struct {
		Name     string `json:"name"`
		Content  string `json:"content"`
		Type     string `json:"type"`
		Encoding string `json:"encoding"`
	} `json:"additionalModules"`
}

type edgeConfig struct {
	Name               string         `json:"name"`
	Main               string         `json:"main"`
	CompatibilityDate  string         `json:"compatibility_date"`
	CompatibilityFlags []string       `json:"compatibility_flags"`
	Vars               map[string]any `json:"vars"`
	Assets             map[string]any `json:"assets"`
}

var (
	edgeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	edgeHash = regexp.MustCompile(`^[0-9a-f]{32}$`)
	edgeVar  = regexp.MustCompile(`^[A-Za-z_$][\w$]*$`)
)

// read checks a request and returns the app in it.
func (e *Edge) read(r *http.Request, body []byte) (name string, app *edgeApp, err error) {
	switch {
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		return "", nil, errors.New("want a POST of JSON")
	case r.Header.Get("Authorization") != "Bearer "+e.Secret:
		return "", nil, errUnauthorized
	case len(body) > 30_000_000:
		return "", nil, errors.New("body too large for an isolate")
	}
	var p edgePayload
	if err := strict(body, &p); err != nil {
		return "", nil, fmt.Errorf("payload: %w", err)
	}
	var c edgeConfig
	if err := strict([]byte(p.WranglerConfig), &c); err != nil {
		return "", nil, fmt.Errorf("wranglerConfig: %w", err)
	}
	if err := c.check(p); err != nil {
		return "", nil, err
	}
	app = &edgeApp{worker: p.WorkerContent, extra: map[string][]byte{}}
	for _, m := range p.AdditionalModules {
		content := []byte(m.Content)
		if m.Encoding == "base64" {
			if content, err = base64.StdEncoding.DecodeString(m.Content); err != nil {
				return "", nil, fmt.Errorf("module %s: %w", m.Name, err)
			}
		}
		if _, twice := app.extra[m.Name]; twice || m.Name == "" || m.Name == c.Main || !slices.Contains([]string{"esm", "wasm", "text", "data"}, m.Type) {
			return "", nil, fmt.Errorf("module %q is bad or came twice", m.Name)
		}
		app.extra[m.Name] = content
	}
	rel, err := p.release()
	if err != nil {
		return "", nil, err
	}
	app.site = assets.New(rel)
	return c.Name, app, nil
}

func (c edgeConfig) check(p edgePayload) error {
	date, err := time.Parse(time.DateOnly, c.CompatibilityDate)
	switch {
	case !edgeName.MatchString(c.Name):
		return fmt.Errorf("bad name %q", c.Name)
	case err != nil || date.After(time.Now()):
		return fmt.Errorf("bad compatibility date %q", c.CompatibilityDate)
	case p.WorkerContent == "" || c.Main == "":
		return errors.New("no worker")
	case len(p.AssetsManifest) == 0 && c.Assets != nil:
		return errors.New("an assets binding without assets")
	case len(p.AssetsManifest) != len(p.Files):
		return fmt.Errorf("%d files for %d assets", len(p.Files), len(p.AssetsManifest))
	case !slices.Equal(p.CompatibilityFlags, c.CompatibilityFlags):
		return errors.New("two opinions on compatibility flags")
	}
	for name := range c.Vars {
		if !edgeVar.MatchString(name) {
			return fmt.Errorf("bad variable %q", name)
		}
	}
	return nil
}

// release turns the files back into something that can be served.
func (p edgePayload) release() (*deploy.Release, error) {
	files := map[string]string{}
	for _, f := range p.Files {
		content, err := base64.StdEncoding.DecodeString(f.Base64)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", f.Path, err)
		}
		info, listed := p.AssetsManifest[f.Path]
		_, twice := files[f.Path]
		if !listed || twice || !strings.HasPrefix(f.Path, "/") || strings.Contains(f.Path, "..") {
			return nil, fmt.Errorf("file %q is not in the manifest, or twice", f.Path)
		}
		if !edgeHash.MatchString(info.Hash) || info.Size != len(content) || info.Size > 25<<20 {
			return nil, fmt.Errorf("file %s is not what the manifest says", f.Path)
		}
		files[f.Path] = string(content)
	}
	rel := App("edge", "edge", "", files)
	for _, asset := range rel.Assets {
		if p.AssetsManifest[asset.Path].Hash != asset.Hash[:32] {
			return nil, fmt.Errorf("file %s has another hash", asset.Path)
		}
	}
	text := func(key string) string { s, _ := p.AssetsConfig[key].(string); return s }
	rel.AssetsConfig = deploy.AssetsConfig{
		HTMLHandling: text("html_handling"), NotFoundHandling: text("not_found_handling"),
		Headers: text("_headers"), Redirects: text("_redirects"),
	}
	return rel, nil
}

// strict reads JSON that has no key that nobody knows and nothing behind it.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON")
	}
	return nil
}
