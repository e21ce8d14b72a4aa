//go:build linux

package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"surgent.dev/surgent/sandbox/engine"
)

const apiKey = "test-key"

// The tests run sandboxes for real: as root, with a built binary. One engine
// serves all of them that don't need one of their own.
var shared struct {
	once sync.Once
	srv  *server
	skip string
}

func TestMain(m *testing.M) {
	if os.Getenv("SURGENT_TEST_SERVE") != "" {
		if err := serveChild(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if shared.srv != nil {
		if err := shared.srv.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop engine:", err)
			code = 1
		}
		_ = os.RemoveAll(shared.srv.dir)
	}
	os.Exit(code)
}

// config is an engine's configuration on this machine, or why there can be
// none.
func config(dir string) (engine.Config, string) {
	if os.Geteuid() != 0 {
		return engine.Config{}, "sandboxes need root"
	}
	binary := env("SURGENT_TEST_BINARY", "../../bin/surgent")
	toolbox := env("SURGENT_TEST_TOOLBOX", "../toolbox/bin/surgent-toolbox")
	binary, err := filepath.Abs(binary)
	if err != nil {
		return engine.Config{}, err.Error()
	}
	if _, err := os.Stat(binary); err != nil {
		return engine.Config{}, "no built binary (make build): " + err.Error()
	}
	program, err := os.ReadFile(toolbox)
	if err != nil {
		return engine.Config{}, "no built toolbox (make toolbox): " + err.Error()
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return engine.Config{}, err.Error()
	}
	level := slog.LevelWarn
	if os.Getenv("SURGENT_TEST_VERBOSE") != "" {
		level = slog.LevelDebug
	}
	return engine.Config{
		DataDir: dir, CacheDir: env("SURGENT_CACHE", filepath.Join(cache, "surgent")), APIKey: apiKey,
		Runsc: []string{binary, "runsc"}, Toolbox: program, Recipe: os.DirFS("../../snapshots/default-env"),
		Limits: engine.Limits{CPU: 1, Memory: 1 << 30, Disk: 1 << 30},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}, ""
}

func env(name, or string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return or
}

// server is an engine that serves.
type server struct {
	e      *engine.Engine
	http   *httptest.Server
	dir    string
	cancel context.CancelFunc
	ended  chan error // Run's result
}

func startServer(cfg engine.Config) (*server, error) {
	e, err := engine.New(cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{e: e, http: httptest.NewServer(e.Handler()), dir: cfg.DataDir, cancel: cancel, ended: make(chan error, 1)}
	go func() { s.ended <- e.Run(ctx) }()
	ready := make(chan error, 1)
	go func() { ready <- e.Ready(ctx) }()
	select {
	case err = <-ready:
	case err = <-s.ended:
		s.ended <- err
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) stop() error {
	s.cancel()
	err := <-s.ended
	s.http.Close()
	return err
}

// shared returns the engine that tests share, or skips.
func sharedEngine(t testing.TB) *client {
	t.Helper()
	shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "surgent-engine-test-") //nolint:usetesting // it outlives the test that came first
		if err != nil {
			shared.skip = err.Error()
			return
		}
		cfg, skip := config(dir)
		if skip != "" {
			shared.skip = skip
			return
		}
		if shared.srv, err = startServer(cfg); err != nil {
			shared.skip = "engine does not start: " + err.Error()
			if os.Getenv("CI") != "" {
				panic(shared.skip)
			}
		}
	})
	if shared.skip != "" {
		t.Skip(shared.skip)
	}
	return &client{t: t, base: shared.srv.http.URL}
}

// ownEngine starts an engine for one test, or skips.
func ownEngine(t *testing.T, change func(*engine.Config)) (*client, *server) {
	t.Helper()
	cfg, skip := config(t.TempDir())
	if skip != "" {
		t.Skip(skip)
	}
	if change != nil {
		change(&cfg)
	}
	s, err := startServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return &client{t: t, base: s.http.URL}, s
}

// client speaks the API the way an SDK does.
type client struct {
	t    testing.TB
	base string
}

// info is what tests look at of a sandbox.
type info struct {
	ID, Name, Snapshot, State, ErrorReason string
	Env, Labels                            map[string]string
	AutoStopInterval                       int
	BackupState, ToolboxProxyURL           string
}

// send makes a request and returns the answer, whatever it is.
func (c *client) send(method, path string, body any, headers ...string) (int, []byte) {
	c.t.Helper()
	var r io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	// Not the test's context: cleaning up comes after its end.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, text
}

// call makes a request that must succeed.
func (c *client) call(method, path string, body, into any) {
	c.t.Helper()
	status, text := c.send(method, path, body)
	if status >= 300 {
		c.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
}

// create makes a sandbox that the test's end deletes.
func (c *client) create(body map[string]any) info {
	c.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	var i info
	c.call("POST", "/api/sandbox", body, &i)
	c.t.Cleanup(func() { c.send("DELETE", "/api/sandbox/"+i.ID, nil) })
	if i.State != "started" {
		c.t.Fatalf("created sandbox is %s", i.State)
	}
	return i
}

func (c *client) get(id string) info {
	c.t.Helper()
	var i info
	c.call("GET", "/api/sandbox/"+id, nil, &i)
	return i
}

// exec runs a command in a sandbox and returns its exit code and output.
func (c *client) exec(id, command string) (int, string) {
	c.t.Helper()
	var out struct {
		ExitCode int
		Result   string
	}
	c.call("POST", "/toolbox/"+id+"/process/execute", map[string]any{"command": command}, &out)
	return out.ExitCode, out.Result
}

// must runs a command that must succeed and returns its trimmed output.
func (c *client) must(id, command string) string {
	c.t.Helper()
	code, out := c.exec(id, command)
	if code != 0 {
		c.t.Fatalf("%s: exit code %d: %s", command, code, out)
	}
	return strings.TrimSpace(out)
}

// readJSON reads a file of the engine's.
func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// serveChild is an engine in a process of its own, for tests that kill it.
func serveChild() error {
	cfg, skip := config(os.Getenv("SURGENT_TEST_SERVE"))
	if skip != "" {
		return errors.New(skip)
	}
	e, err := engine.New(cfg)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	srv := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	return e.Run(context.Background())
}
