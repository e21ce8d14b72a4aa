package preview_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"surgent.dev/surgent/internal/server/preview"
)

// viteApp serves one page of modules with versions, as Vite does.
type viteApp struct {
	mu       sync.Mutex // guards the rest
	versions map[string]int
	asked    map[string]int
}

func (a *viteApp) write(path string) { a.mu.Lock(); a.versions[path]++; a.mu.Unlock() }

func (a *viteApp) times(path string) int { a.mu.Lock(); defer a.mu.Unlock(); return a.asked[path] }

func (a *viteApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{"vite-hmr"}})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		_, _, _ = c.Read(r.Context())
		return
	}
	a.mu.Lock()
	version := a.versions[r.URL.Path]
	a.asked[r.URL.Path]++
	a.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/node_modules/") {
		w.Header().Set("Cache-Control", "max-age=31536000,immutable")
	}
	etag := fmt.Sprintf(`W/"%s-%d"`, r.Header.Get("Sec-Fetch-Dest"), version)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("ETag", etag)
	_, _ = fmt.Fprintf(w, "%s %d", r.URL.Path, version)
}

type frame struct {
	*bench
	app *viteApp
	c   *http.Client
}

// openFrame loads a page in a frame of the workspace, up to its modules.
func openFrame(t *testing.T, modules ...string) *frame {
	t.Helper()
	f := &frame{bench: setup(t), app: &viteApp{versions: map[string]int{}, asked: map[string]int{}}}
	upstream := httptest.NewServer(f.app)
	t.Cleanup(upstream.Close)
	f.target = upstream.URL
	f.c = f.visitor(t)
	get(t, f.c, f.links.Link("box-1", 3000, "/"), "Sec-Fetch-Dest", "iframe")
	for _, m := range modules {
		f.load(t, m)
	}
	return f
}

func (f *frame) load(t *testing.T, path string) {
	t.Helper()
	if res, _ := get(t, f.c, "http://"+host+path, "Sec-Fetch-Dest", "script", "Sec-Fetch-Site", "same-origin", "Accept", "*/*"); res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", path, res.StatusCode)
	}
}

func (f *frame) listen(t *testing.T) {
	t.Helper()
	ws, res, err := websocket.Dial(t.Context(), "ws://"+host+"/?token=x", &websocket.DialOptions{
		HTTPClient: f.c, Subprotocols: []string{"vite-hmr"}, HTTPHeader: http.Header{"Origin": {"http://" + host}, "Sec-Fetch-Site": {"same-origin"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
}

func (f *frame) fresh(t *testing.T) string {
	t.Helper()
	res, body := get(t, f.c, "http://"+host+"/.surgent/fresh", "Origin", "http://localhost", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors")
	if res.StatusCode != http.StatusOK || res.Header.Get("Access-Control-Allow-Origin") != "http://localhost" {
		t.Fatalf("asked whether it is fresh: %d %v", res.StatusCode, res.Header)
	}
	return strings.TrimSpace(body)
}

const (
	isFresh = `{"fresh":true}`
	isStale = `{"fresh":false}`
)

func TestFrameThatMissedAChangeIsTold(t *testing.T) {
	t.Parallel()
	modules := []string{"/@vite/client", "/src/main.tsx", "/src/App.tsx", "/node_modules/.vite/deps/react.js?v=1"}
	for name, test := range map[string]struct {
		then func(*testing.T, *frame)
		want string
	}{
		"nothing changed":                     {func(t *testing.T, f *frame) { f.listen(t) }, isFresh},
		"a module, before the socket":         {func(t *testing.T, f *frame) { f.app.write("/src/App.tsx"); f.listen(t) }, isStale},
		"a module, after the socket":          {func(t *testing.T, f *frame) { f.listen(t); f.app.write("/src/App.tsx") }, isStale},
		"a module that was not fetched":       {func(t *testing.T, f *frame) { f.app.write("/src/About.tsx"); f.listen(t) }, isFresh},
		"a module whose update was fetched":   {func(t *testing.T, f *frame) { f.listen(t); f.app.write("/src/App.tsx"); f.load(t, "/src/App.tsx?t=7") }, isFresh},
		"a package, which never changes":      {func(t *testing.T, f *frame) { f.app.write("/node_modules/.vite/deps/react.js"); f.listen(t) }, isFresh},
		"a module, and the page loaded again": {reload(modules), isFresh},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := openFrame(t, modules...)
			test.then(t, f)
			if got := f.fresh(t); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func reload(modules []string) func(*testing.T, *frame) {
	return func(t *testing.T, f *frame) {
		f.app.write("/src/App.tsx")
		get(t, f.c, "http://"+host+"/", "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "cross-site")
		for _, m := range modules {
			f.load(t, m)
		}
		f.listen(t)
	}
}

// Only Vite's versions are known to hold still while nothing changes.
func TestPagesWithoutViteAreLeftAlone(t *testing.T) {
	t.Parallel()
	f := openFrame(t, "/bundle.js")
	f.app.write("/bundle.js")
	if got := f.fresh(t); got != isFresh {
		t.Errorf("got %s", got)
	}
	if n := f.app.times("/bundle.js"); n != 1 {
		t.Errorf("the bundle was asked for %d times", n)
	}
}

func TestOnlyTheWorkspaceAsksWhetherAFrameIsFresh(t *testing.T) {
	t.Parallel()
	f := openFrame(t, "/@vite/client", "/src/App.tsx")
	f.listen(t)
	for name, ask := range map[string]struct {
		c      *http.Client
		origin string
	}{
		"the app itself": {f.c, "http://" + host},
		"another page":   {f.c, "http://elsewhere.test"},
		"nobody's page":  {f.c, ""},
		"a stranger":     {f.visitor(t), "http://localhost"},
	} {
		res, _ := get(t, ask.c, "http://"+host+"/.surgent/fresh", "Origin", ask.origin)
		if res.StatusCode != http.StatusForbidden || res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s got %d %v", name, res.StatusCode, res.Header)
		}
	}
	f.set(preview.Sandbox{State: preview.Stopped})
	if got := f.fresh(t); got != isFresh || f.woken != 0 {
		t.Errorf("asleep: %s, woken %d times", got, f.woken)
	}
}

// What is noted of a page is the server's memory, and its texts are anybody's.
func TestLongAddressesAreNotNoted(t *testing.T) {
	t.Parallel()
	f := openFrame(t, "/@vite/client", "/src/App.tsx")
	long := "/src/x.js?" + strings.Repeat("x", 100<<10)
	f.load(t, long)
	f.listen(t)
	before := f.app.times("/src/x.js")
	if got := f.fresh(t); got != isFresh {
		t.Errorf("%s", got)
	}
	if f.app.times("/src/x.js") != before || f.app.times("/src/App.tsx") != 2 {
		t.Errorf("asked %d times for the long one, %d for another", f.app.times("/src/x.js")-before, f.app.times("/src/App.tsx"))
	}
}

// A request may name a whole address, "http:…", instead of a path. What
// is asked again goes to the sandbox all the same, never to another server.
func TestPartsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	f := openFrame(t, "/@vite/client", "/src/App.tsx")
	away := strings.TrimPrefix(other.URL, "http://")
	for _, uri := range []string{"http:x:@" + away + "/src/App.tsx", "x:@" + away + "/src/App.tsx", "http:@" + away + "/", "http:" + away, "http://" + host + "/src/@" + away, "//" + away + "/a.js", "/@" + away} {
		conn, err := net.Dial("tcp", f.front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		cookies := ""
		for _, c := range f.c.Jar.Cookies(&url.URL{Scheme: "http", Host: host, Path: "/"}) {
			cookies += c.Name + "=" + c.Value + "; "
		}
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nSec-Fetch-Dest: script\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n", uri, host, cookies)
		if err == nil {
			_, err = io.ReadAll(conn)
		}
		_ = conn.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	f.listen(t)
	f.fresh(t)
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("another server was asked %d times", n)
	}
}
