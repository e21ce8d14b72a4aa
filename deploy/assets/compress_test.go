package assets_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/assets"
)

// siteOf is a site of files in memory.
func siteOf(files map[string]string, headers string) *assets.Site {
	rel := &deploy.Release{AssetsConfig: deploy.AssetsConfig{Headers: headers}}
	contents := map[string]string{}
	for path, content := range files {
		sum := sha256.Sum256([]byte(content))
		hash := hex.EncodeToString(sum[:])
		contents[hash] = content
		rel.Assets = append(rel.Assets, deploy.Asset{Path: path, Hash: hash, Size: int64(len(content))})
	}
	rel.Open = func(hash string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(contents[hash])), nil }
	return assets.New(rel)
}

func TestVisitorsGetFilesCompressed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("compress me ", 1000)
	site := siteOf(map[string]string{
		"/app.js": long, "/small.js": "tiny", "/photo.png": long, "/raw/app.js": long, "/keep/app.js": long, "/data": long, "/page.html": long,
	}, "/raw/*\n  Content-Encoding: br\n/keep/*\n  Cache-Control: no-transform\n/page\n  Vary: Cookie\n")
	for _, test := range []struct {
		path, accept     string
		compressed, vary bool
	}{
		{"/app.js", "gzip, deflate, br", true, true},
		{"/app.js", "GZIP;q=0.5", true, true},
		{"/app.js", "*", true, true},
		{"/app.js", "br;q=1, *;q=0.1", true, true},
		{"/app.js", "", false, true},
		{"/app.js", "br", false, true},
		{"/app.js", "gzip;q=0, *", false, true},
		{"/app.js", "gzip;q=0.0", false, true},
		{"/app.js", "gzip;q=x", false, true},
		{"/page", "gzip", true, true},
		{"/small.js", "gzip", false, false},
		{"/photo.png", "gzip", false, false},
		{"/data", "gzip", false, false},
		{"/keep/app.js", "gzip", false, false},
	} {
		res := visit(t, site, http.MethodGet, test.path, "Accept-Encoding", test.accept)
		header, body := res.Header(), res.Body.Bytes()
		weak := strings.HasPrefix(header.Get("ETag"), "W/")
		if got := header.Get("Content-Encoding") == "gzip"; got != test.compressed || weak != test.compressed ||
			strings.Contains(strings.Join(header.Values("Vary"), ","), "Accept-Encoding") != test.vary {
			t.Errorf("%s for %q: %v", test.path, test.accept, header)
			continue
		}
		if test.compressed {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if want := map[bool]string{true: "tiny", false: long}[test.path == "/small.js"]; string(body) != want {
			t.Errorf("%s for %q: %d bytes", test.path, test.accept, len(body))
		}
		// What the browser kept is still good, in either form; HEAD says the same.
		again := visit(t, site, http.MethodGet, test.path, "Accept-Encoding", test.accept, "If-None-Match", header.Get("ETag"))
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 || again.Header().Get("ETag") != header.Get("ETag") || again.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s for %q again: %d %v", test.path, test.accept, again.Code, again.Header())
		}
		head := visit(t, site, http.MethodHead, test.path, "Accept-Encoding", test.accept)
		if head.Body.Len() != 0 || head.Header().Get("Content-Encoding") != header.Get("Content-Encoding") || head.Header().Get("Content-Length") != header.Get("Content-Length") {
			t.Errorf("HEAD %s for %q: %v", test.path, test.accept, head.Header())
		}
	}
	if res := visit(t, site, http.MethodGet, "/raw/app.js", "Accept-Encoding", "gzip"); res.Header().Get("Content-Encoding") != "br" || res.Body.String() != long {
		t.Errorf("what is encoded already: %v", res.Header())
	}
	// The app's code reads files as they are.
	if res := get(t, site, "/app.js", "Accept-Encoding", "gzip"); res.Header().Get("Content-Encoding") != "" || res.Body.String() != long {
		t.Errorf("the binding: %v", res.Header())
	}
}

func visit(t *testing.T, site *assets.Site, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	site.ServeVisitor(w, r)
	return w
}

func BenchmarkCompressed(b *testing.B) {
	site := siteOf(map[string]string{"/app.js": strings.Repeat("export const some = (x) => x + 1;\n", 7000)}, "")
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/app.js", http.NoBody)
		r.Header.Set("Accept-Encoding", "gzip")
		site.ServeVisitor(httptest.NewRecorder(), r)
	}
}
