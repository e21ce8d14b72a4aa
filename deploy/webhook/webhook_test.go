package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/webhook"
)

func setup(t *testing.T, change ...func(*webhook.Config)) (*webhook.Target, *deploytest.Edge, *httptest.Server) {
	t.Helper()
	edge := deploytest.NewEdge("s3cret")
	server := httptest.NewServer(edge)
	t.Cleanup(server.Close)
	c := webhook.Config{
		URL: server.URL, Secret: "s3cret", Pause: time.Millisecond, Verify: time.Minute, Transport: to(t, server),
		AppURL: func(name string) string { return "http://" + name + ".edge.example" },
	}
	for _, f := range change {
		f(&c)
	}
	target, err := webhook.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return target, edge, server
}

// to is a transport for which every host is the server.
func to(t *testing.T, server *httptest.Server) *http.Transport {
	t.Helper()
	address := strings.TrimPrefix(server.URL, "http://")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestSuite(t *testing.T) {
	t.Parallel()
	deploytest.Run(t, func(t *testing.T) deploytest.Subject {
		target, _, server := setup(t)
		return deploytest.Subject{Target: target, Get: func(t *testing.T, name, path string) *http.Response {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = name + ".edge.example"
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			return res
		}}
	})
}

func app() *deploy.Release {
	return deploytest.App("r1", "some-app", deploytest.Hello("hi"), map[string]string{"/index.html": "x"})
}

func TestModulesArriveWhole(t *testing.T) {
	t.Parallel()
	target, edge, _ := setup(t)
	rel := app()
	binary := []byte{0, 'a', 's', 'm', 0xff, 0xfe}
	rel.Modules = append(rel.Modules,
		deploy.Module{Name: "lib/a.wasm", Type: deploy.Wasm, Content: binary},
		deploy.Module{Name: "b.txt", Type: deploy.Text, Content: []byte("<tëxt>")})
	if _, err := target.Publish(t.Context(), rel, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := edge.Module("some-app", "lib/a.wasm"); !bytes.Equal(got, binary) {
		t.Errorf("wasm: %q", got)
	}
	if got, _ := edge.Module("some-app", "b.txt"); string(got) != "<tëxt>" {
		t.Errorf("text: %q", got)
	}
}

func TestPassingFailuresAreRetried(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]deploytest.Fault{
		"429":         {Status: 429, RetryAfter: "0"},
		"502":         {Status: 502, Body: "<html>bad gateway"},
		"503":         {Status: 503},
		"lost answer": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, edge, _ := setup(t)
			edge.Fail(fault, fault)
			var lines []string
			if _, err := target.Publish(t.Context(), app(), func(_ deploy.Stage, line string) { lines = append(lines, line) }); err != nil {
				t.Fatal(err)
			}
			if edge.Posts() != 3 || !strings.Contains(strings.Join(lines, "\n"), "trying again") {
				t.Errorf("%d posts, log %q", edge.Posts(), lines)
			}
		})
	}
}

// Every answer is told in words that say who can do what about it.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fault deploytest.Fault
		is    error
		want  string
		posts int
	}{
		{"platform's refusal", deploytest.Fault{Status: 500, Body: `{"success":false,"error":"Uncaught SyntaxError"}`}, deploy.ErrRefused, "refused the app: Uncaught SyntaxError", 1},
		{"refusal as 200", deploytest.Fault{Status: 200, Body: `{"success":false,"error":"no"}`}, deploy.ErrRefused, "refused the app: no", 1},
		{"refusal without a reason", deploytest.Fault{Status: 200, Body: `{"success":false}`}, deploy.ErrRefused, "it gave no reason", 1},
		{"too large", deploytest.Fault{Status: 413}, deploy.ErrRefused, "larger", 1},
		{"missing credentials", deploytest.Fault{Status: 400, Body: `{"error":"Missing account"}`}, deploy.ErrUnavailable, "400 Bad Request, Missing account", 1},
		{"unauthorized", deploytest.Fault{Status: 401}, deploy.ErrUnavailable, "does not accept this server's secret (401 Unauthorized)", 1},
		{"forbidden", deploytest.Fault{Status: 403, Body: "<html>"}, deploy.ErrUnavailable, "does not accept this server's secret (403 Forbidden)", 1},
		{"nothing there", deploytest.Fault{Status: 404, Body: "404 page not found"}, deploy.ErrUnavailable, "there is no deploy endpoint", 1},
		{"method not allowed", deploytest.Fault{Status: 405}, deploy.ErrUnavailable, "there is no deploy endpoint", 1},
		{"not a deploy endpoint", deploytest.Fault{Status: 200, Body: "<html>"}, deploy.ErrUnavailable, "200 OK without a verdict", 1},
		{"another's JSON", deploytest.Fault{Status: 201, Body: `{"ok":true}`}, deploy.ErrUnavailable, "201 Created without a verdict", 1},
		{"redirect", deploytest.Fault{Status: 302}, deploy.ErrUnavailable, "has moved (302 Found)", 1},
		{"redirect that keeps the method", deploytest.Fault{Status: 307}, deploy.ErrUnavailable, "has moved (307", 1},
		{"teapot", deploytest.Fault{Status: 418}, deploy.ErrUnavailable, "418 I'm a teapot, it gave no reason", 1},
		{"unknown status", deploytest.Fault{Status: 499}, deploy.ErrUnavailable, "it answered 499,", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target, edge, _ := setup(t)
			edge.Fail(test.fault)
			_, err := target.Publish(t.Context(), app(), nil)
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) || edge.Posts() != test.posts {
				t.Errorf("%v after %d posts", err, edge.Posts())
			}
			var refusal *deploy.Refusal
			var outage *deploy.Outage
			if !errors.As(err, &refusal) && !errors.As(err, &outage) {
				t.Errorf("%v has no words for people", err)
			}
		})
	}
}

// The bearer secret goes to one address, and into no line that anybody reads.
func TestSecretStaysSecret(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		},
		"echo as a refusal": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = fmt.Fprintf(w, `{"success":false,"error":"got %s"}`, r.Header.Get("Authorization"))
		},
		"echo as an error": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":"got %s"}`, r.Header.Get("Authorization"))
		},
		"broken off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err == nil {
					answer(w, r)
				}
			}))
			t.Cleanup(server.Close)
			target, err := webhook.New(webhook.Config{URL: server.URL, Secret: "s3cret-token", Tries: 2, Pause: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			_, err = target.Publish(t.Context(), app(), func(_ deploy.Stage, line string) { lines = append(lines, line) })
			if err == nil {
				t.Fatal("it was published")
			}
			if said := fmt.Sprint(err, lines); strings.Contains(said, "s3cret-token") || strings.Contains(said, server.URL) {
				t.Errorf("it says %s", said)
			}
		})
	}
	t.Cleanup(func() {
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("the redirect was followed %d times", n)
		}
	})
}

// What goes over the wire, field by field.
func TestPayload(t *testing.T) {
	t.Parallel()
	var got map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return // the look at the first page
		}
		if r.URL.Path != "/deploy" || r.Header.Get("Authorization") != "Bearer s3cret" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"success":true}`)
	}))
	t.Cleanup(server.Close)
	target, err := webhook.New(webhook.Config{URL: server.URL, Secret: "s3cret", Transport: to(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	rel := deploytest.App("r1", "some-app", "export default {}", map[string]string{"/a/b.txt": "hi"})
	rel.Modules = append(rel.Modules, deploy.Module{Name: "lib.js", Type: deploy.ESModule, Content: []byte("export {}")},
		deploy.Module{Name: "x.wasm", Type: deploy.Wasm, Content: []byte("\x00asm")})
	rel.CompatibilityFlags = []string{"nodejs_compat"}
	rel.Vars, rel.JSONVars = map[string]string{"A": "b"}, map[string]json.RawMessage{"N": json.RawMessage("7")}
	rel.AssetsConfig = deploy.AssetsConfig{Binding: "FILES", NotFoundHandling: "404-page", WorkerFirstGlobs: []string{"/api/*"}, Headers: "/*\n X: y", Redirects: "/a /b"}
	if _, err := target.Publish(t.Context(), rel, nil); err != nil {
		t.Fatal(err)
	}
	const rules = `"html_handling":"auto-trailing-slash","not_found_handling":"404-page","run_worker_first":["/api/*"],"_headers":"/*\n X: y","_redirects":"/a /b"`
	wantConfig := `{"name":"some-app","main":"index.js","compatibility_date":"2026-07-01","compatibility_flags":["nodejs_compat"],` +
		`"vars":{"A":"b","N":7},"assets":{"binding":"FILES",` + rules + `}}`
	config, _ := got["wranglerConfig"].(string)
	compareJSON(t, wantConfig, config)
	delete(got, "wranglerConfig")
	rest, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	compareJSON(t, `{"workerContent":"export default {}",
		"assetsManifest":{"/a/b.txt":{"hash":"8f434346648f6b96df89dda901c5176b","size":2}},
		"files":[{"path":"/a/b.txt","base64":"aGk="}],
		"compatibilityFlags":["nodejs_compat"],
		"assetsConfig":{`+rules+`},
		"additionalModules":[{"name":"lib.js","content":"export {}","type":"esm"},{"name":"x.wasm","content":"AGFzbQ==","type":"wasm","encoding":"base64"}]}`, string(rest))
}

func compareJSON(t *testing.T, want, got string) {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal([]byte(want), &a), json.Unmarshal([]byte(got), &b)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What the app says to its first visitor is told, but it is live by then.
func TestFirstPageIsAskedFor(t *testing.T) {
	t.Parallel()
	var pages atomic.Int32
	var broken atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, `{"success":true}`)
		case r.Header.Get("Authorization") != "":
			t.Error("the app gets the secret")
		case broken.Load() || pages.Add(1) == 1:
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(server.Close)
	target, err := webhook.New(webhook.Config{
		URL: server.URL, Secret: "s3cret", Transport: to(t, server), Pause: time.Millisecond, Verify: time.Minute,
		AppURL: func(name string) string { return "http://" + name + ".edge.example" },
	})
	if err != nil {
		t.Fatal(err)
	}
	var stages []deploy.Stage
	published, err := target.Publish(t.Context(), app(), func(s deploy.Stage, _ string) { stages = append(stages, s) })
	if err != nil || len(published.Warnings) != 0 || published.URL != "http://some-app.edge.example" {
		t.Errorf("%+v, %v", published, err)
	}
	if diff := cmp.Diff([]deploy.Stage{deploy.Uploading, deploy.Verifying}, stages); diff != "" {
		t.Error(diff)
	}
	broken.Store(true)
	hasty, err := webhook.New(webhook.Config{URL: server.URL, Transport: to(t, server), Verify: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if published, err = hasty.Publish(t.Context(), app(), nil); err != nil || len(published.Warnings) != 1 {
		t.Errorf("%+v, %v", published, err)
	}
}

func TestGivesUp(t *testing.T) {
	t.Parallel()
	target, edge, _ := setup(t, func(c *webhook.Config) { c.Tries = 2 })
	edge.Fail(deploytest.Fault{Status: 503}, deploytest.Fault{Status: 503})
	if _, err := target.Publish(t.Context(), app(), nil); !errors.Is(err, deploy.ErrUnavailable) || edge.Posts() != 2 {
		t.Errorf("%v after %d posts", err, edge.Posts())
	}
}

func TestWrongSecret(t *testing.T) {
	t.Parallel()
	target, edge, _ := setup(t, func(c *webhook.Config) { c.Secret = "other" })
	_, err := target.Publish(t.Context(), app(), nil)
	if !errors.Is(err, deploy.ErrUnavailable) || !strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "other") || edge.Posts() != 1 {
		t.Errorf("%v after %d posts", err, edge.Posts())
	}
}

func TestTooLargeIsNotSent(t *testing.T) {
	t.Parallel()
	target, edge, _ := setup(t, func(c *webhook.Config) { c.MaxBytes = 2000 })
	rel := deploytest.App("r1", "some-app", "", map[string]string{"/a": strings.Repeat("x", 1500)})
	if _, err := target.Publish(t.Context(), rel, nil); !errors.Is(err, deploy.ErrRefused) || edge.Posts() != 0 {
		t.Errorf("%v after %d posts", err, edge.Posts())
	}
	code := deploytest.App("r1", "some-app", "// "+strings.Repeat("x", 2000), nil)
	if _, err := target.Publish(t.Context(), code, nil); !errors.Is(err, deploy.ErrRefused) || edge.Posts() != 0 {
		t.Errorf("%v after %d posts", err, edge.Posts())
	}
}

// A silent endpoint costs one try's time, not for ever.
func TestTimeout(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // until then nobody sees the client leave
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	target, err := webhook.New(webhook.Config{URL: silent.URL, Timeout: 50 * time.Millisecond, Tries: 2, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Publish(t.Context(), app(), nil); !errors.Is(err, deploy.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	target, edge, _ := setup(t, func(c *webhook.Config) { c.Pause = time.Hour })
	edge.Fail(deploytest.Fault{Status: 503})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := target.Publish(ctx, app(), func(_ deploy.Stage, line string) {
		if strings.Contains(line, "trying again") {
			cancel()
		}
	})
	cancel()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "deploy.example", "ftp://deploy.example", "https://me:passw0rd@deploy.example", "https://me:passw0rd@\x7f"} {
		if _, err := webhook.New(webhook.Config{URL: bad}); err == nil || strings.Contains(err.Error(), "passw0rd") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
