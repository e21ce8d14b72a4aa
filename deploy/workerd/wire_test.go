package workerd_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/workerd"
	"surgent.dev/surgent/deploy/workerd/boxwire"
)

const wireKey = "wire-key"

// wired puts HTTP between the target and its boxes.
func wired(t *testing.T) (over *bareBoxes, client *boxwire.Client, server *wireServer) {
	t.Helper()
	over = &bareBoxes{}
	handler, err := boxwire.NewHandler(boxwire.HandlerConfig{
		Boxes: over, Key: wireKey, Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	server = &wireServer{Server: httptest.NewUnstartedServer(handler), conns: map[net.Conn]bool{}}
	server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		server.mu.Lock()
		defer server.mu.Unlock()
		server.conns[conn] = state != http.StateClosed
	}
	server.Start()
	t.Cleanup(server.Close)
	if client, err = boxwire.NewClient(server.URL+"/api", wireKey); err != nil {
		t.Fatal(err)
	}
	return over, client, server
}

// wireServer can drop its connections, those that became byte streams too.
type wireServer struct {
	*httptest.Server
	mu    sync.Mutex
	conns map[net.Conn]bool // open ones
}

func (s *wireServer) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, open := range s.conns {
		if open {
			_ = conn.Close()
		}
	}
}

func TestSuiteOverTheWire(t *testing.T) {
	t.Parallel()
	deploytest.Run(t, func(t *testing.T) deploytest.Subject {
		over, client, _ := wired(t)
		b := setup(t, func(c *workerd.Config) { c.Boxes = client })
		t.Cleanup(func() {
			b.target.Close()
			if _, running := over.started(); len(running) > 0 {
				t.Errorf("%d processes outlived the target", len(running))
			}
		})
		return deploytest.Subject{
			Target: b.target, RunsWorkers: true,
			Get: func(_ *testing.T, name, path string) *http.Response {
				return b.request(http.MethodGet, name, path, http.NoBody)
			},
		}
	})
}

// A client that dies takes its boxes with it; a server that dies lets the
// client know.
func TestBoxesEndWithTheirConnection(t *testing.T) {
	t.Parallel()
	over, client, server := wired(t)
	start := func() workerd.Box {
		box, err := client.New(t.Context(), "test")
		if err != nil {
			t.Fatal(err)
		}
		if err := box.Start(t.Context(), workerd.Program{Args: []string{"/bin/sh", "-c", "exec sleep 1000"}}); err == nil {
			return box
		}
		t.Fatal("it did not start")
		return nil
	}
	first := start()
	_, running := over.started()
	if len(running) != 1 {
		t.Fatalf("%d run", len(running))
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	<-running[0].done
	<-first.Done()

	second := start()
	_, running = over.started()
	server.drop()
	<-second.Done()
	<-running[0].done
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	server.Close()
	if _, err := client.New(t.Context(), "test"); err == nil {
		t.Error("a dead server gave a box")
	}
}

func TestWireRefuses(t *testing.T) {
	t.Parallel()
	_, client, server := wired(t)
	stranger, err := boxwire.NewClient(server.URL, "another key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.New(t.Context(), "test"); err == nil || !strings.Contains(err.Error(), "wrong key") {
		t.Errorf("a stranger: %v", err)
	}
	box, err := client.New(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	if err := box.Start(t.Context(), workerd.Program{Files: map[string]string{"/x": "/no/such/file"}}); err == nil {
		t.Error("a missing file was taken")
	}
	ask := func(method, path, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+wireKey)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	hash := strings.Repeat("a", 64)
	for _, test := range []struct {
		method, path, body string
		want               int
	}{
		{"PUT", "/boxes/files/sha256/" + hash, "other content", 400},
		{"PUT", "/boxes/files/sha256/" + strings.ToUpper(hash), "", 400},
		{"HEAD", "/boxes/files/sha256/" + hash, "", 404},
		{"HEAD", "/boxes/files/sha256/..%2F..%2Fetc%2Fpasswd", "", 404},
		{"POST", "/boxes/none/start", "{}", 404},
		{"GET", "/boxes/none/output", "", 404},
	} {
		if got := ask(test.method, test.path, test.body); got != test.want {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, got, test.want)
		}
	}
}

// What comes over the wire is laid out below the box's folder and nowhere else.
func TestWireMounts(t *testing.T) {
	t.Parallel()
	boxes := &catching{started: make(chan workerd.Program, 1)}
	handler, err := boxwire.NewHandler(boxwire.HandlerConfig{Boxes: boxes, Key: wireKey, Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := boxwire.NewClient(server.URL, wireKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"a.txt": "A", "deep/b.txt": "B", "deep/same.txt": "A"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	box, err := client.New(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	want := workerd.Program{
		Args: []string{"/x", "y"}, Env: []string{"K=V"}, Memory: 5, CPUs: 0.5,
		Files: map[string]string{"/app": dir, "/one": filepath.Join(dir, "a.txt")},
	}
	if err := box.Start(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got := <-boxes.started
	if strings.Join(got.Args, " ") != "/x y" || strings.Join(got.Env, " ") != "K=V" || got.Memory != 5 || got.CPUs != 0.5 {
		t.Errorf("started %+v", got)
	}
	for path, content := range map[string]string{
		got.Files["/app"] + "/a.txt": "A", got.Files["/app"] + "/deep/b.txt": "B", got.Files["/app"] + "/deep/same.txt": "A", got.Files["/one"]: "A",
	} {
		if text, err := os.ReadFile(path); err != nil || string(text) != content {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if err := box.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(got.Files["/app"]); err == nil {
		t.Error("the files outlived the box")
	}
}

// catching are boxes that only say what they were to start.
type catching struct{ started chan workerd.Program }

func (c *catching) New(context.Context, string) (workerd.Box, error) {
	return &caught{bareBox: bareBox{done: make(chan struct{})}, to: c.started}, nil
}

type caught struct {
	bareBox
	to chan workerd.Program
}

func (c *caught) Start(_ context.Context, p workerd.Program) error {
	c.to <- p
	return nil
}
