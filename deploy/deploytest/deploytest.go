// Package deploytest is the suite that every deploy target passes. It holds
// the promises that stand on deploy.Target, on real requests to what was
// published.
package deploytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"surgent.dev/surgent/deploy"
)

// Subject is a target under test.
type Subject struct {
	Target deploy.Target
	// Get asks a published app. Redirects are not followed; the suite closes
	// the body.
	Get func(t *testing.T, name, path string) *http.Response
	// RunsWorkers tells whether Get reaches the app's code, not only its files.
	RunsWorkers bool
}

// Run runs the suite. open makes an empty target that ends with t.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, Subject){
		"static app":         testStatic,
		"next release":       testNextRelease,
		"same release":       testSameRelease,
		"bad name":           testBadName,
		"broken content":     testBrokenContent,
		"cancelled":          testCancelled,
		"remove":             testRemove,
		"several apps":       testSeveralApps,
		"publish in a crowd": testCrowd,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	for name, test := range map[string]func(*testing.T, Subject){
		"worker":             testWorker,
		"bindings":           testBindings,
		"modules":            testModules,
		"broken worker":      testBrokenWorker,
		"worker and files":   testWorkerAndFiles,
		"worker then static": testWorkerThenStatic,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			if !s.RunsWorkers {
				t.Skip("this target's apps cannot be run here")
			}
			test(t, s)
		})
	}
}

// App makes a release of one module, unless it is "", and files by path.
func App(id, name, worker string, files map[string]string) *deploy.Release {
	rel := &deploy.Release{ID: id, ProjectID: "project-of-" + name, Name: name, CompatibilityDate: "2026-07-01"}
	if worker != "" {
		rel.Modules = []deploy.Module{{Name: "index.js", Type: deploy.ESModule, Content: []byte(worker)}}
	}
	contents := map[string]string{}
	for path, content := range files {
		sum := sha256.Sum256([]byte(content))
		hash := hex.EncodeToString(sum[:])
		contents[hash] = content
		rel.Assets = append(rel.Assets, deploy.Asset{Path: path, Hash: hash, Size: int64(len(content))})
	}
	slices.SortFunc(rel.Assets, func(a, b deploy.Asset) int { return strings.Compare(a.Path, b.Path) })
	rel.Open = func(hash string) (io.ReadCloser, error) {
		content, ok := contents[hash]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(strings.NewReader(content)), nil
	}
	return rel
}

// Hello is a worker that says a word.
func Hello(word string) string {
	return fmt.Sprintf("export default { fetch() { return new Response(%q) } }", word)
}

func publish(t *testing.T, s Subject, rel *deploy.Release) *deploy.Published {
	t.Helper()
	published, err := s.Target.Publish(t.Context(), rel, func(stage deploy.Stage, line string) { t.Log(stage, line) })
	if err != nil {
		t.Fatalf("publish %s: %v", rel.ID, err)
	}
	if !strings.Contains(published.URL, "://") || !strings.Contains(published.URL, rel.Name) {
		t.Errorf("it answers at %q", published.URL)
	}
	return published
}

// expect asks and compares status and body.
func expect(t *testing.T, s Subject, name, path string, status int, body string) http.Header {
	t.Helper()
	res := s.Get(t, name, path)
	defer func() { _ = res.Body.Close() }() // only read
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status || (body != "*" && string(got) != body) {
		t.Errorf("%s%s: %d %.300q, want %d %q", name, path, res.StatusCode, got, status, body)
	}
	return res.Header
}

func testStatic(t *testing.T, s Subject) {
	rel := App("r1", "static-app", "", map[string]string{
		"/index.html": "<p>home", "/about.html": "<p>about", "/a b/ü.css": "p{}", "/empty.txt": "", "/same.txt": "<p>home",
	})
	rel.AssetsConfig.NotFoundHandling = "single-page-application"
	rel.AssetsConfig.Headers = "/about\n  X-Extra: yes\n"
	rel.AssetsConfig.Redirects = "/old /about 301\n"
	publish(t, s, rel)
	if h := expect(t, s, rel.Name, "/", 200, "<p>home"); h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("ETag") == "" {
		t.Errorf("headers: %v", h)
	}
	if h := expect(t, s, rel.Name, "/about", 200, "<p>about"); h.Get("X-Extra") != "yes" {
		t.Errorf("_headers had no effect: %v", h)
	}
	if h := expect(t, s, rel.Name, "/old", 301, "*"); h.Get("Location") != "/about" {
		t.Errorf("_redirects leads to %q", h.Get("Location"))
	}
	if h := expect(t, s, rel.Name, "/a%20b/%C3%BC.css", 200, "p{}"); h.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("headers: %v", h)
	}
	// The same content under another name has that name's type.
	if h := expect(t, s, rel.Name, "/same.txt", 200, "<p>home"); h.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("headers: %v", h)
	}
	expect(t, s, rel.Name, "/empty.txt", 200, "")
	expect(t, s, rel.Name, "/deep/link", 200, "<p>home")
}

func testNextRelease(t *testing.T, s Subject) {
	publish(t, s, App("r1", "some-app", "", map[string]string{"/index.html": "one", "/gone.txt": "x"}))
	expect(t, s, "some-app", "/", 200, "one")
	publish(t, s, App("r2", "some-app", "", map[string]string{"/index.html": "two"}))
	expect(t, s, "some-app", "/", 200, "two")
	expect(t, s, "some-app", "/gone.txt", 404, "*")
}

func testSameRelease(t *testing.T, s Subject) {
	rel := App("r1", "some-app", "", map[string]string{"/index.html": "one"})
	first := publish(t, s, rel)
	if again := publish(t, s, rel); again.URL != first.URL {
		t.Errorf("it moved from %s to %s", first.URL, again.URL)
	}
	expect(t, s, "some-app", "/", 200, "one")
}

func testBadName(t *testing.T, s Subject) {
	for _, name := range []string{"", "../x", "A", "www", "a_b", "-x-", "3000-x"} {
		if _, err := s.Target.Publish(t.Context(), App("r1", name, "", map[string]string{"/index.html": "x"}), nil); !errors.Is(err, deploy.ErrRefused) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
}

// A release whose contents cannot be had, or are not what it says, changes
// nothing.
func testBrokenContent(t *testing.T, s Subject) {
	publish(t, s, App("r1", "some-app", "", map[string]string{"/index.html": "one"}))
	missing := App("r2", "some-app", "", map[string]string{"/index.html": "two"})
	missing.Open = func(string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }
	wrong := App("r3", "some-app", "", map[string]string{"/index.html": "three"})
	wrong.Open = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("other")), nil }
	for _, rel := range []*deploy.Release{missing, wrong} {
		if _, err := s.Target.Publish(t.Context(), rel, nil); err == nil {
			t.Errorf("%s was published", rel.ID)
		}
	}
	expect(t, s, "some-app", "/", 200, "one")
}

func testCancelled(t *testing.T, s Subject) {
	publish(t, s, App("r1", "some-app", "", map[string]string{"/index.html": "one"}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Target.Publish(ctx, App("r2", "some-app", "", map[string]string{"/index.html": "two"}), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	expect(t, s, "some-app", "/", 200, "one")
}

func testRemove(t *testing.T, s Subject) {
	publish(t, s, App("r1", "some-app", "", map[string]string{"/index.html": "one"}))
	for range 2 {
		if err := s.Target.Remove(t.Context(), "some-app"); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, s, "some-app", "/", 404, "*")
	if err := s.Target.Remove(t.Context(), "never-there"); err != nil {
		t.Error(err)
	}
	publish(t, s, App("r1", "some-app", "", map[string]string{"/index.html": "back"}))
	expect(t, s, "some-app", "/", 200, "back")
}

func testSeveralApps(t *testing.T, s Subject) {
	publish(t, s, App("r1", "app-one", "", map[string]string{"/index.html": "one"}))
	publish(t, s, App("r2", "app-two", "", map[string]string{"/index.html": "two"}))
	expect(t, s, "app-one", "/", 200, "one")
	expect(t, s, "app-two", "/", 200, "two")
	if err := s.Target.Remove(t.Context(), "app-one"); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "app-two", "/", 200, "two")
}

// Of releases published at once one is live as a whole.
func testCrowd(t *testing.T, s Subject) {
	var all sync.WaitGroup
	for n := range 8 {
		word := fmt.Sprint(n)
		all.Go(func() {
			rel := App("r"+word, "some-app", "", map[string]string{"/a.txt": "a" + word, "/b.txt": "b" + word})
			if _, err := s.Target.Publish(t.Context(), rel, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	read := func(path string) string {
		res := s.Get(t, "some-app", path)
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil || len(text) != 2 {
			t.Fatalf("%s: %q, %v", path, text, err)
		}
		return string(text[1:])
	}
	if a, b := read("/a.txt"), read("/b.txt"); a != b {
		t.Errorf("half of %s and half of %s", a, b)
	}
}

func testWorker(t *testing.T, s Subject) {
	publish(t, s, App("r1", "some-app", Hello("one"), nil))
	expect(t, s, "some-app", "/any/path", 200, "one")
	publish(t, s, App("r2", "some-app", Hello("two"), nil))
	expect(t, s, "some-app", "/any/path", 200, "two")
	if err := s.Target.Remove(t.Context(), "some-app"); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "some-app", "/any/path", 404, "*")
}

func testBindings(t *testing.T, s Subject) {
	rel := App("r1", "some-app", `export default { fetch(r, env) {
		return Response.json([env.TEXT, env.LIST, env.N, Object.keys(env).sort(), process.env.TEXT === env.TEXT]) } }`, nil)
	rel.CompatibilityFlags = []string{"nodejs_compat"} // which gives process.env
	text := "quote \" backslash \\ newline \n ünï $(x) \u0001"
	rel.Vars = map[string]string{"TEXT": text}
	rel.JSONVars = map[string]json.RawMessage{"LIST": json.RawMessage(`[1, {"a": "b"}]`), "N": json.RawMessage("7")}
	publish(t, s, rel)
	want, err := json.Marshal([]any{text, []any{1, map[string]any{"a": "b"}}, 7, []string{"LIST", "N", "TEXT"}, true})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, s, "some-app", "/", 200, string(want))
}

// addModule is (module (func (export "add") (param i32 i32) (result i32)
// local.get 0 local.get 1 i32.add)).
const addModule = "\x00asm\x01\x00\x00\x00\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\x00\x07\x07\x01\x03add\x00\x00\x0a\x09\x01\x07\x00\x20\x00\x20\x01\x6a\x0b"

func testModules(t *testing.T, s Subject) {
	rel := App("r1", "some-app", `
		import wasm from "./lib/add.wasm";
		import text from "./hello.txt";
		import data from "./data.bin";
		import { twice } from "./chunks/twice.js";
		export default { async fetch() {
			const { exports } = await WebAssembly.instantiate(wasm);
			return new Response([exports.add(2, 3), text, new Uint8Array(data)[1], twice(21)].join());
		} }`, nil)
	rel.Modules = append(rel.Modules,
		deploy.Module{Name: "lib/add.wasm", Type: deploy.Wasm, Content: []byte(addModule)},
		deploy.Module{Name: "hello.txt", Type: deploy.Text, Content: []byte("he\"ll\\o")},
		deploy.Module{Name: "data.bin", Type: deploy.Data, Content: []byte{0, 255, 0}},
		deploy.Module{Name: "chunks/twice.js", Type: deploy.ESModule, Content: []byte("export const twice = (n) => 2 * n")},
	)
	publish(t, s, rel)
	expect(t, s, "some-app", "/", 200, "5,he\"ll\\o,255,42")
}

// Workers that cannot be run are refused with a reason, and what was live
// stays.
func testBrokenWorker(t *testing.T, s Subject) {
	publish(t, s, App("r1", "some-app", Hello("one"), nil))
	flagged := App("flag", "some-app", Hello("x"), nil)
	flagged.CompatibilityFlags = []string{"no_such_flag"}
	experimental := App("experimental", "some-app", Hello("x"), nil)
	experimental.CompatibilityFlags = []string{"experimental"}
	for _, test := range []struct {
		rel  *deploy.Release
		want string
	}{
		{App("syntax", "some-app", "export default {{", nil), "SyntaxError"},
		{App("import", "some-app", `import "./missing.js"; export default {}`, nil), "missing.js"},
		{App("throw", "some-app", `throw new Error("boom at start")`, nil), "boom at start"},
		{App("500", "some-app", `export default { fetch() { throw new Error("boom at /") } }`, nil), "500"},
		{flagged, "no_such_flag"},
		{experimental, "experimental"},
	} {
		_, err := s.Target.Publish(t.Context(), test.rel, nil)
		if !errors.Is(err, deploy.ErrRefused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want a refusal with %q", test.rel.ID, err, test.want)
		}
		expect(t, s, "some-app", "/", 200, "one")
	}
}

func testWorkerAndFiles(t *testing.T, s Subject) {
	rel := App("r1", "some-app", `export default { fetch(r, env) {
			const { pathname } = new URL(r.url);
			if (pathname === "/api/page") return env.ASSETS.fetch(new Request("https://any.host/about"));
			return new Response("api " + pathname);
		} }`, map[string]string{"/index.html": "home", "/about.html": "about", "/api/file.txt": "hidden"})
	rel.AssetsConfig = deploy.AssetsConfig{Binding: "ASSETS", NotFoundHandling: "single-page-application", WorkerFirstGlobs: []string{"/api/*"}}
	publish(t, s, rel)
	expect(t, s, "some-app", "/", 200, "home")
	expect(t, s, "some-app", "/some/route", 200, "home")
	expect(t, s, "some-app", "/api/hello", 200, "api /api/hello")
	expect(t, s, "some-app", "/api/file.txt", 200, "api /api/file.txt")
	if h := expect(t, s, "some-app", "/api/page", 200, "about"); h.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("headers: %v", h)
	}
}

func testWorkerThenStatic(t *testing.T, s Subject) {
	publish(t, s, App("r1", "some-app", Hello("worker"), nil))
	publish(t, s, App("r2", "some-app", "", map[string]string{"/index.html": "static"}))
	expect(t, s, "some-app", "/", 200, "static")
	expect(t, s, "some-app", "/api", 404, "*")
}
