package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/webhook"
)

func setup(t *testing.T, change ...func(*webhook.Config)) (*webhook.Target, *deploytest.Edge, *httptest.Server) {
	t.Helper()
	edge := deploytest.NewEdge("s3cret")
	server := httptest.NewServer(edge)
	t.Cleanup(server.Close)
	c := webhook.Config{URL: server.URL, Secret: "s3cret", Pause: time.Millisecond}
	for _, f := range change {
		f(&c)
	}
	target, err := webhook.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return target, edge, server
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
			if _, err := target.Publish(t.Context(), app(), func(line string) { lines = append(lines, line) }); err != nil {
				t.Fatal(err)
			}
			if edge.Posts() != 3 || !strings.Contains(strings.Join(lines, "\n"), "trying again") {
				t.Errorf("%d posts, log %q", edge.Posts(), lines)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fault deploytest.Fault
		is    error
		want  string
		posts int
	}{
		{"platform's refusal", deploytest.Fault{Status: 500, Body: `{"success":false,"error":"Uncaught SyntaxError"}`}, deploy.ErrRefused, "Uncaught SyntaxError", 1},
		{"refusal as 200", deploytest.Fault{Status: 200, Body: `{"success":false,"error":"no"}`}, deploy.ErrRefused, "no", 1},
		{"too large", deploytest.Fault{Status: 413}, deploy.ErrRefused, "larger", 1},
		{"missing credentials", deploytest.Fault{Status: 400, Body: `{"error":"Missing account"}`}, deploy.ErrUnavailable, "Missing account", 1},
		{"not a deploy endpoint", deploytest.Fault{Status: 200, Body: "<html>"}, deploy.ErrUnavailable, "200 OK", 1},
		{"redirect", deploytest.Fault{Status: 302}, deploy.ErrUnavailable, "302", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target, edge, _ := setup(t)
			edge.Fail(test.fault)
			_, err := target.Publish(t.Context(), app(), nil)
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) || edge.Posts() != test.posts {
				t.Errorf("%v after %d posts", err, edge.Posts())
			}
		})
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
	_, err := target.Publish(ctx, app(), func(line string) {
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
	for _, bad := range []string{"", "deploy.example", "ftp://deploy.example"} {
		if _, err := webhook.New(webhook.Config{URL: bad}); err == nil {
			t.Errorf("took %q", bad)
		}
	}
}
