package workspace_test

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"surgent.dev/surgent/internal/server/workspace"
)

const page = `<!doctype html><script>theme()</script><script type="module" src="/assets/app-1a2b.js"></script>`

func TestFilesPagesAndPolicy(t *testing.T) {
	t.Parallel()
	h, err := workspace.New(workspace.Config{Domain: "localhost:3210", Scheme: "http", Files: fstest.MapFS{
		"index.html":         {Data: []byte(page)},
		"assets/app-1a2b.js": {Data: []byte("1")},
		"favicon.svg":        {Data: []byte("<svg/>")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return w
	}
	for _, path := range []string{"/", "/p/k17abc?tab=files", "/sign-in", "/index.html"} {
		w := get(http.MethodGet, path)
		if w.Code != http.StatusOK || w.Body.String() != page || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	csp := get(http.MethodGet, "/").Header().Get("Content-Security-Policy")
	for _, want := range []string{"'sha256-", "frame-src http://*.localhost:3210", "frame-ancestors 'none'", "connect-src 'self' ws://localhost:3210 http://*.localhost:3210/.surgent/fresh;"} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy lacks %q: %s", want, csp)
		}
	}
	if strings.Contains(csp, "script-src 'self' 'unsafe-inline'") {
		t.Error("any inline script may run")
	}
	w := get(http.MethodGet, "/assets/app-1a2b.js")
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("asset: %d %v", w.Code, w.Header())
	}
	if w := get(http.MethodGet, "/assets/gone.js"); w.Code != http.StatusNotFound {
		t.Errorf("a missing script got %d", w.Code)
	}
	if w := get(http.MethodPost, "/"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST got %d", w.Code)
	}
	if w := get(http.MethodGet, "/../../etc/passwd"); strings.Contains(w.Body.String(), "root:") {
		t.Error("left the folder")
	}
}

func TestDevServer(t *testing.T) {
	t.Parallel()
	vite := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("vite " + r.URL.Path)) }))
	u, err := url.Parse(vite.URL)
	if err != nil {
		t.Fatal(err)
	}
	h, err := workspace.New(workspace.Config{DevServer: u, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/src/main.tsx", nil))
		return w
	}
	if w := ask(); w.Body.String() != "vite /src/main.tsx" {
		t.Errorf("got %q", w.Body)
	}
	vite.Close()
	if w := ask(); w.Code != http.StatusBadGateway || w.Header().Get("Refresh") != "1" {
		t.Errorf("status %d, refresh %q", w.Code, w.Header().Get("Refresh"))
	}
}

func TestFilesTravelCompressed(t *testing.T) {
	t.Parallel()
	script := strings.Repeat("export const words = 'the same ones again';\n", 100)
	h, err := workspace.New(workspace.Config{Domain: "localhost:3210", Scheme: "http", Files: fstest.MapFS{
		"index.html":         {Data: []byte(page)},
		"assets/app-1a2b.js": {Data: []byte(script)},
		"assets/mono.woff2":  {Data: []byte(script)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := get("/assets/app-1a2b.js", "Accept-Encoding", "gzip, br")
	if w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(w.Header().Get("Vary"), "Accept-Encoding") {
		t.Fatalf("headers are %v", w.Header())
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(z); err != nil || string(raw) != script {
		t.Errorf("unpacked %d bytes, error %v", len(raw), err)
	}
	if again := get("/assets/app-1a2b.js", "Accept-Encoding", "gzip", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("asking again got %d", again.Code)
	}
	if w := get("/assets/app-1a2b.js"); w.Header().Get("Content-Encoding") != "" || w.Body.String() != script {
		t.Errorf("who takes no gzip got %v", w.Header())
	}
	if w := get("/assets/mono.woff2", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Error("a font, compressed as it is, was compressed again")
	}
}
