package assets_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/assets"
)

const siteDir = "testdata/site"

func get(t testing.TB, h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	site := assets.New(siteRelease(t, siteDir, deploy.AssetsConfig{}))
	etag := get(t, site, "/about").Header().Get("ETag")
	for _, value := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
		res := get(t, site, "/about", "If-None-Match", value)
		if res.Code != http.StatusNotModified || res.Header().Get("ETag") != etag || res.Header().Get("Cache-Control") == "" {
			t.Errorf("If-None-Match %s: %d %v", value, res.Code, res.Header())
		}
	}
	if res := get(t, site, "/about", "If-None-Match", `"other"`); res.Code != http.StatusOK {
		t.Errorf("another ETag: %d", res.Code)
	}
}

// Before the flag's date a navigation reaches the worker like any request.
func TestNavigationsBeforeTheFlag(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		date   string
		flags  []string
		status int
	}{
		{"2025-03-01", nil, 299},
		{"2025-04-01", nil, 200},
		{"2025-03-01", []string{"assets_navigation_prefers_asset_serving"}, 200},
		{"2026-01-01", []string{"assets_navigation_has_no_effect"}, 299},
	} {
		rel := siteRelease(t, siteDir, deploy.AssetsConfig{NotFoundHandling: "single-page-application"})
		rel.CompatibilityDate, rel.CompatibilityFlags = test.date, test.flags
		if res := get(t, probeApp(rel), "/nope", "Sec-Fetch-Mode", "navigate"); res.Code != test.status {
			t.Errorf("%s %v: %d, want %d", test.date, test.flags, res.Code, test.status)
		}
	}
}

func TestStaticAppAnswersEverything(t *testing.T) {
	t.Parallel()
	rel := siteRelease(t, siteDir, deploy.AssetsConfig{NotFoundHandling: "single-page-application", RunWorkerFirst: true})
	rel.Modules = nil
	h := assets.New(rel).Handler(nil)
	for path, want := range map[string]string{"/nope.js": "INDEX", "/about": "ABOUT"} {
		res := get(t, h, path)
		if res.Code != http.StatusOK || strings.TrimSpace(res.Body.String()) != want {
			t.Errorf("%s: %d %q", path, res.Code, res.Body)
		}
	}
}

// A visitor must not be sent to another host by what an address holds.
func TestRedirectsStayHere(t *testing.T) {
	t.Parallel()
	rel := siteRelease(t, siteDir, deploy.AssetsConfig{})
	rel.AssetsConfig.Redirects = "/go/* /:splat 302\n/back/* /:splat 301\n/rw/* /:splat 200\n"
	site := assets.New(rel)
	for _, path := range []string{"//evil.example/about.html", "/go//evil.example", "/go/%2F%2Fevil.example", "/back/\\evil.example", "/%2F/about", "/rw//evil.example/x"} {
		location := get(t, site, path).Header().Get("Location")
		if strings.HasPrefix(location, "//") || strings.HasPrefix(location, `/\`) || strings.Contains(location, "://") {
			t.Errorf("%s leads to %q", path, location)
		}
	}
}

// Whatever the address, only what is in the manifest comes out.
func TestNoAddressLeavesTheManifest(t *testing.T) {
	t.Parallel()
	site := assets.New(siteRelease(t, siteDir, deploy.AssetsConfig{}))
	for _, path := range []string{"/../golden_test.go", "/..%2fgolden_test.go", "/%2e%2e/golden_test.go", "/docs/../../README.md", "/_headers", "/_redirects", "/\x00", "/%00"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.URL.Path = path
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			t.Errorf("%q: %d %q", path, w.Code, w.Body)
		}
	}
	for path, want := range map[string]int{"/docs/../about": http.StatusOK, "/./about": http.StatusOK, "/docs/%2E%2E/about": http.StatusOK} {
		if res := get(t, site, path); res.Code != want {
			t.Errorf("%s: %d, want %d", path, res.Code, want)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	rel := siteRelease(t, siteDir, deploy.AssetsConfig{})
	rel.AssetsConfig.Redirects = strings.Join([]string{
		"# comment", "/a /b?x=1", "/a /never", "/p/:year/:slug /:slug-:year 308", "/q https://example.com/q#top",
		"/bad /x 999", "https://other.example/x /y", "/two/*/* /x", "/s/* https://example.com/:splat", "/proxy https://example.com 200",
	}, "\n")
	rel.AssetsConfig.Headers = strings.Join([]string{
		"X-Loose: none", "/*", "  X-All: 1", "  ! ETag", "  Content-Length: 3", "  Bad Name: x", "/:page",
		"  X-All: 2", "  X-Page: :page", "  Content-Type: text/special",
	}, "\n")
	site := assets.New(rel)
	for path, want := range map[string]string{
		"/a?y=2": "302 /b?x=1", "/p/2026/hi?z=1": "308 /hi-2026?z=1", "/q?a=b": "302 https://example.com/q?a=b#top",
		"/bad": "404 ", "/two/1/2": "404 ", "/s/x/y": "302 https://example.com/x/y", "/proxy": "404 ",
	} {
		res := get(t, site, path)
		if got := fmt.Sprint(res.Code, " ", res.Header().Get("Location")); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	header := get(t, site, "/about").Header()
	if header.Get("X-All") != "1" || len(header.Values("X-All")) != 2 || header.Get("X-Page") != "about" || header.Get("ETag") != "" ||
		header.Get("X-Loose") != "" || header.Get("Content-Length") != "6" || header.Get("Content-Type") != "text/special" {
		t.Errorf("headers: %v", header)
	}
}

func TestCookiesStayAtHome(t *testing.T) {
	t.Parallel()
	rel := siteRelease(t, siteDir, deploy.AssetsConfig{})
	rel.AssetsConfig.Headers = "/*\n Set-Cookie: a=1; domain = localhost; Path=/\n/:x\n Set-Cookie: b=2; :x"
	got := strings.Join(get(t, assets.New(rel), "/domain=localhost").Header().Values("Set-Cookie"), "|")
	if got != "a=1; Path=/|b=2" {
		t.Errorf("got %q", got)
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"/a.HTML": "text/html; charset=utf-8", "/a.js": "text/javascript; charset=utf-8", "/a.json": "application/json",
		"/a.svg": "image/svg+xml", "/a.woff2": "font/woff2", "/a": "", "/a.unknown": "", "/.js.d/x": "",
	} {
		if got := assets.ContentType(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("/about", "/go/* /:splat\n/a/:b /c/:b 301", "/*\n X: y")
	f.Add("//evil/%2e%2e/%zz", "/* /:splat 200", "/:a\n ! ETag")
	site := siteRelease(f, siteDir, deploy.AssetsConfig{NotFoundHandling: "404-page"})
	f.Fuzz(func(t *testing.T, path, redirects, headers string) {
		rel := *site
		rel.AssetsConfig.Redirects, rel.AssetsConfig.Headers = redirects, headers
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.URL.Path = path
		w := httptest.NewRecorder()
		probeApp(&rel).ServeHTTP(w, r)
		if w.Code == http.StatusTemporaryRedirect && strings.HasPrefix(w.Header().Get("Location"), "//") {
			t.Errorf("%q leads to %q", path, w.Header().Get("Location"))
		}
	})
}

// Whatever the address, the files answer with a file of theirs, with nothing,
// or with redirects that end at a file: none goes in a circle, and none to
// another host.
func FuzzRedirectsEnd(f *testing.F) {
	for _, path := range []string{
		"/about.html", "//about", "/docs//index.html", "/%61bout", "/both.html/", "/a%20b.html", "/%2e%2e/about/", "/docs/index/index.html",
		"/%2F%2Fevil.example/about.html", "/\\evil.example/..%2fabout", "/.%2e/x.css", "/%5cevil/%2e%2e/index", "/%252e%252e/about", "/é.html",
	} {
		f.Add(path)
	}
	var sites []http.Handler
	for _, handling := range []string{"auto-trailing-slash", "drop-trailing-slash", "force-trailing-slash", "none"} {
		rel := siteRelease(f, siteDir, deploy.AssetsConfig{HTMLHandling: handling})
		rel.AssetsConfig.Headers, rel.AssetsConfig.Redirects = "", ""
		sites = append(sites, assets.New(rel))
	}
	f.Fuzz(func(t *testing.T, path string) {
		if _, err := url.ParseRequestURI(path); err != nil || !strings.HasPrefix(path, "/") {
			return // no request has such an address
		}
		for _, site := range sites {
			res, at := ask(t, site, path), path
			for hops := 0; res.Code == http.StatusTemporaryRedirect; hops++ {
				location := res.Header().Get("Location")
				if to, err := url.Parse(location); err != nil || to.Host != "" || to.Scheme != "" || !strings.HasPrefix(location, "/") || strings.HasPrefix(location, `/\`) {
					t.Fatalf("%q leads to %q", at, location)
				}
				res, at = ask(t, site, location), location
				if hops == 2 || res.Code != http.StatusOK && res.Code != http.StatusTemporaryRedirect {
					t.Fatalf("%q leads to %q, which answers %d %s", path, at, res.Code, res.Header().Get("Location"))
				}
			}
		}
	})
}

// ask sends an address as a server reads it, which httptest doesn't.
func ask(t testing.TB, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	u, err := url.ParseRequestURI(path)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.URL = u
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Dots are resolved before the patterns of run_worker_first see an address.
func TestDotsDontSkipTheWorker(t *testing.T) {
	t.Parallel()
	rel := siteRelease(t, siteDir, deploy.AssetsConfig{NotFoundHandling: "single-page-application", WorkerFirstGlobs: []string{"/api/*"}})
	app := probeApp(rel)
	for path, want := range map[string]int{
		"/api/x": 299, "/y/../api/x": 299, "/%2e/api/x": 299, "/y/%2E%2e/api/x": 299, "/api/../about": 200, "/api/%2e%2e/about": 200,
	} {
		if res := ask(t, app, path); res.Code != want {
			t.Errorf("%s: %d, want %d", path, res.Code, want)
		}
	}
}

func BenchmarkAsset(b *testing.B) {
	site := assets.New(siteRelease(b, siteDir, deploy.AssetsConfig{}))
	b.ReportAllocs()
	for b.Loop() {
		if res := get(b, site, "/about"); res.Code != http.StatusOK {
			b.Fatal(res.Code)
		}
	}
}
