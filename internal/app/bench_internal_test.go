package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"surgent.dev/surgent/internal/config"
)

// bench is a whole server on a data folder of its own, without sandboxes: the
// server that should have them doesn't answer. Functions, sign-in, jobs and
// doors are the real ones.
type bench struct {
	*App
	url  string
	down func() // stops it before the test ends
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	return startBench(t, dir)
}

func startBench(t *testing.T, dir string) *bench {
	t.Helper()
	return startBenchAt(t, dir, "")
}

// startBenchAt starts a bench on an address, so that tokens of an earlier one
// there are still good.
func startBenchAt(t *testing.T, dir, addr string) *bench {
	t.Helper()
	return start(t, dir, "/nowhere", slog.New(slog.DiscardHandler), map[string]string{
		"SURGENT_ADDR":    addr,
		"SURGENT_CACHE":   filepath.Join(dir, "cache"),
		"DAYTONA_API_KEY": "unused", "DAYTONA_SERVER_URL": "http://127.0.0.1:1/api",
	})
}

func start(t *testing.T, dir, binary string, logger *slog.Logger, env map[string]string) *bench {
	t.Helper()
	env["SURGENT_DATA"] = dir
	if env["SURGENT_ADDR"] == "" {
		env["SURGENT_ADDR"] = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	}
	cfg, err := config.Load(config.Source{Dir: dir, Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	a, err := Open(t.Context(), Options{Config: cfg, Logger: logger, Binary: binary, Engine: true, Ready: func(string) { close(ready) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	down := sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		a.Close()
	})
	t.Cleanup(down)
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("the server did not start: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("the server did not start within 30 s")
	}
	b := &bench{App: a, url: "http://" + cfg.Addr, down: down}
	b.awaitHealthy(t)
	return b
}

func (b *bench) awaitHealthy(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("not healthy: %v", err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// person is a client over HTTP; a zero token is an anonymous one.
type person struct {
	b     *bench
	token string
}

var people atomic.Int64

func (b *bench) anonymous() *person { return &person{b: b} }

func (b *bench) signUp(t *testing.T) *person {
	t.Helper()
	p := b.anonymous()
	var out struct {
		Tokens struct {
			Token string `json:"token"`
		} `json:"tokens"`
	}
	p.must(t, "action", "auth:signIn", obj{"provider": "password", "params": obj{
		"flow": "signUp", "email": fmt.Sprintf("person%d@example.test", people.Add(1)), "password": "correct horse",
	}}, &out)
	if out.Tokens.Token == "" {
		t.Fatal("signing up gave no token")
	}
	p.token = out.Tokens.Token
	return p
}

// guest signs in without an account, which hashes no password: most tests
// don't care.
func (b *bench) guest(t *testing.T) *person {
	t.Helper()
	p := b.anonymous()
	var out struct {
		Tokens struct {
			Token string `json:"token"`
		} `json:"tokens"`
	}
	p.must(t, "action", "auth:signIn", obj{"provider": "anonymous"}, &out)
	p.token = out.Tokens.Token
	return p
}

type obj = map[string]any

// failure is what a function failed with.
type failure struct {
	text string
	data map[string]any
}

// call runs a function over HTTP.
func (p *person) call(t *testing.T, kind, path string, args any) (json.RawMessage, *failure) {
	t.Helper()
	if args == nil {
		args = obj{}
	}
	body, err := json.Marshal(obj{"path": path, "format": "convex_encoded_json", "args": []any{args}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.b.url+"/api/"+kind, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Convex-Client", "npm-1.48.0")
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Status       string          `json:"status"`
		Value        json.RawMessage `json:"value"`
		ErrorMessage string          `json:"errorMessage"`
		ErrorData    map[string]any  `json:"errorData"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s", kind, path, res.Status, raw)
	}
	if answer.Status != "success" {
		return nil, &failure{answer.ErrorMessage, answer.ErrorData}
	}
	return answer.Value, nil
}

// answer sends a request and returns the body of the answer.
func (b *bench) answer(t *testing.T, req *http.Request) string {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// must calls and fails the test when the function does.
func (p *person) must(t *testing.T, kind, path string, args, out any) {
	t.Helper()
	raw, failed := p.call(t, kind, path, args)
	if failed != nil {
		t.Fatalf("%s: %s", path, failed.text)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("%s answered %s: %v", path, raw, err)
	}
}

// refused calls and wants the function to fail with a text, and with a code
// when one is given.
func (p *person) refused(t *testing.T, kind, path string, args any, text, code string) {
	t.Helper()
	raw, failed := p.call(t, kind, path, args)
	switch {
	case failed == nil:
		t.Errorf("%s%v succeeded: %s", path, args, raw)
	case !strings.Contains(failed.text, text):
		t.Errorf("%s failed with %q, want %q", path, failed.text, text)
	case code != "" && failed.data["code"] != code:
		t.Errorf("%s failed with data %v, want the code %s", path, failed.data, code)
	}
}

// project makes a project and returns its id and that of its first session.
func (p *person) project(t *testing.T, name string) (project, session string) {
	t.Helper()
	p.must(t, "mutation", "projects:createProject", obj{"name": name}, &project)
	var list []struct {
		ID    string `json:"_id"`
		Title string `json:"title"`
	}
	p.must(t, "query", "sessions:listSessionsByProject", obj{"projectId": project}, &list)
	if len(list) != 1 || list[0].Title != "New session" {
		t.Fatalf("a new project has the sessions %v", list)
	}
	return project, list[0].ID
}
