package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/deploy/workerd"
	"surgent.dev/surgent/deploy/workerd/boxwire"
)

// Apps in the engine's boxes, which is where strangers' code runs: the whole
// suite of targets, and what the boxes are for.
func TestAppsInBoxes(t *testing.T) {
	binary := builtBinary(t)
	cache := os.Getenv("SURGENT_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "surgent")
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	engine, err := newEmbedded(engineSettings{data: t.TempDir(), cache: cache, key: "test-key", binary: binary}, logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1) // one send by the goroutine below
	go func() { ended <- engine.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("engine: %v", err)
		}
	})
	runtime := &workerd.Runtime{Dir: filepath.Join(cache, "workerd")}
	if _, err := runtime.Path(t.Context(), func(string) {}); err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T, change ...func(*workerd.Config)) (*workerd.Target, func(*testing.T, string, string) *http.Response) {
		t.Helper()
		dir := t.TempDir()
		blobs, err := release.OpenBlobs(filepath.Join(dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		c := workerd.Config{
			Dir: dir, Blobs: blobs, Runtime: runtime, Boxes: engine.boxes(), Logger: logger, Ready: time.Minute, Stall: 20 * time.Second,
			URL: func(name string) string { return "http://" + name + ".localhost:3210" },
		}
		for _, f := range change {
			f(&c)
		}
		target, err := workerd.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name, _, _ := strings.Cut(r.Host, ".")
			target.ServeApp(name, w, r)
		}))
		t.Cleanup(target.Close)
		t.Cleanup(server.Close)
		return target, func(t *testing.T, name, path string) *http.Response {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = name + ".localhost:3210"
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			return res
		}
	}
	t.Run("suite", func(t *testing.T) {
		deploytest.Run(t, func(t *testing.T) deploytest.Subject {
			target, get := open(t)
			return deploytest.Subject{Target: target, Get: get, RunsWorkers: true}
		})
	})
	t.Run("loop at top level", func(t *testing.T) {
		target, _ := open(t, func(c *workerd.Config) { c.Ready = 5 * time.Second })
		_, err := target.Publish(t.Context(), deploytest.App("r1", "some-app", "for (;;) {}\nexport default {}", nil), nil)
		if !errors.Is(err, deploy.ErrRefused) || !strings.Contains(err.Error(), "did not start") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("memory outside the heap", func(t *testing.T) {
		target, get := open(t)
		rel := deploytest.App("r1", "some-app", `export default { fetch(r) {
			if (r.url.endsWith("/hog")) for (const all = []; ;) all.push(new Uint8Array(8 << 20).fill(1));
			return new Response("fine") } }`, nil)
		if _, err := target.Publish(t.Context(), rel, nil); err != nil {
			t.Fatal(err)
		}
		res := get(t, "some-app", "/hog")
		_ = res.Body.Close()
		if res.StatusCode < http.StatusInternalServerError {
			t.Errorf("the hog got %s", res.Status)
		}
		res = get(t, "some-app", "/")
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("afterwards: %s", res.Status)
		}
	})
	t.Run("way out", func(t *testing.T) {
		// The gateway's other ports, the host and other sandboxes are behind
		// the firewall; what goes through us is judged by us.
		target, get := open(t)
		rel := deploytest.App("r1", "some-app", `import { connect } from "cloudflare:sockets";
			export default { async fetch(r) {
			const to = new URL(r.url).searchParams.get("to");
			if (!to) return new Response("fine");
			if (to.startsWith("http:")) return fetch(to);
			try { await connect(to).opened } catch (e) { return new Response(String(e), { status: 403 }) }
			return new Response("open") } }`, nil)
		if _, err := target.Publish(t.Context(), rel, nil); err != nil {
			t.Fatal(err)
		}
		neighbour := deploytest.App("r1", "other-app", deploytest.Hello("neighbour"), nil)
		if _, err := target.Publish(t.Context(), neighbour, nil); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{
			"http://192.0.2.1:16311/", "http://127.0.0.1:2280/", "http://169.254.169.254/", "http://other-app.localhost:3210/", "http://[::1]:3210/",
			"192.0.2.1:16310", "192.0.2.1:16311", "192.0.2.1:16312", "192.0.2.1:22", "127.0.0.1:8081", "[::1]:22", "169.254.169.254:80", "localhost:3210",
		} {
			res := get(t, "some-app", "/?to="+url.QueryEscape(to))
			_ = res.Body.Close()
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s", to, res.Status)
			}
		}
	})
	t.Run("in another process", func(t *testing.T) {
		// As `surgent sandbox serve` and a server without root have it.
		handler, err := withBoxes(engine, SandboxOptions{Key: "wire-key", Data: t.TempDir(), Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		boxes, err := boxwire.NewClient(server.URL+"/api", "wire-key")
		if err != nil {
			t.Fatal(err)
		}
		target, get := open(t, func(c *workerd.Config) { c.Boxes = boxes })
		rel := deploytest.App("r1", "some-app", `export default { fetch(r, env) { return env.ASSETS.fetch(r) } }`, map[string]string{"/page.html": "page"})
		rel.AssetsConfig = deploy.AssetsConfig{Binding: "ASSETS", RunWorkerFirst: true}
		if _, err := target.Publish(t.Context(), rel, nil); err != nil {
			t.Fatal(err)
		}
		res := get(t, "some-app", "/page")
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || string(text) != "page" {
			t.Errorf("%s %q, %v", res.Status, text, err)
		}
	})
}
