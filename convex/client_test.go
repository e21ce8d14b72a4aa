package convex_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/convex/auth"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/stream"
)

// TestOfficialClients runs the cases in testdata/client with the oldest and the
// newest official client that are supported.
func TestOfficialClients(t *testing.T) {
	t.Parallel()
	node, dir := requireClients(t)
	runs := []struct{ client, version, auth, file string }{
		{"convex-1.27", "1.27.3", "", "sync"},
		{"convex-1.27", "1.27.3", "", "values"},
		{"convex-1.27", "1.27.3", "", "auth"},
		{"convex", "1.48.0", "", "sync"},
		{"convex", "1.48.0", "", "values"},
		{"convex", "1.48.0", "", "auth"},
		{"convex", "1.48.0", "convex-auth-0.0.88", "react"},
		{"convex", "1.48.0", "@convex-dev/auth", "react"},
	}
	// Each run is a process of its own, and the machine may be small.
	room := make(chan struct{}, 2)
	for _, r := range runs {
		t.Run(path.Join(r.version, r.file, r.auth), func(t *testing.T) {
			t.Parallel()
			room <- struct{}{}
			defer func() { <-room }()
			s := startServer(t)
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, node, "--test", "--test-reporter=spec", r.file+".test.mjs")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(),
				"CONVEX_PACKAGE="+r.client, "CONVEX_VERSION="+r.version, "CONVEX_AUTH_PACKAGE="+r.auth,
				"CONVEX_URL="+s.url, "SITE_URL="+siteURL, "CONTROL_URL="+s.control.URL)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

// requireClients returns node and the folder of the installed clients.
func requireClients(t *testing.T) (node, dir string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	dir = filepath.Join("testdata", "client")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Skip("the clients are not installed: npm ci --prefix convex/testdata/client")
	}
	return node, dir
}

const siteURL = "https://app.example"

// server is a runtime behind a real address. It can lose its connections, be
// restarted on the same database and address, and live in the future.
type server struct {
	t       testing.TB
	url     string
	addr    string
	path    string
	key     string
	control *httptest.Server
	offset  atomic.Int64 // added to the clock

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	stop  func()
}

func startServer(t testing.TB) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, path: filepath.Join(dir, "server.db"), key: filepath.Join(dir, "keys", "auth.pem"), addr: "127.0.0.1:0", conns: map[net.Conn]struct{}{}}
	s.start()
	t.Cleanup(func() { s.stop() })
	s.control = httptest.NewServer(s.controls())
	t.Cleanup(s.control.Close)
	return s
}

// controls is what the cases can do to the server.
func (s *server) controls() http.Handler {
	mux := http.NewServeMux()
	done := func(w http.ResponseWriter) { _ = json.NewEncoder(w).Encode(true) }
	mux.HandleFunc("POST /cut", func(w http.ResponseWriter, _ *http.Request) { s.cut(); done(w) })
	mux.HandleFunc("POST /restart", func(w http.ResponseWriter, _ *http.Request) {
		s.stop()
		s.start()
		done(w)
	})
	mux.HandleFunc("POST /later", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Query().Get("seconds"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.offset.Add(int64(time.Duration(n) * time.Second))
		done(w)
	})
	return mux
}

func (s *server) now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

// cut resets all sockets.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	clear(s.conns)
}

// remember keeps the connections that became sockets, for cut.
func (s *server) remember(c net.Conn, state http.ConnState) {
	if state != http.StateHijacked {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *server) start() {
	s.t.Helper()
	ctx := context.Background()
	tcp, err := new(net.ListenConfig).Listen(ctx, "tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = tcp.Addr().String()
	s.url = "http://" + s.addr
	rt, db := openRuntime(s.t, s)
	run, cancel := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- rt.Run(run) }()
	srv := &http.Server{Handler: rt.Handler(), ReadHeaderTimeout: 10 * time.Second, ConnState: s.remember}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(tcp) }()
	s.stop = func() {
		_ = srv.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			s.t.Errorf("serve: %v", err)
		}
		cancel()
		if err := <-ran; err != nil {
			s.t.Errorf("run: %v", err)
		}
		if err := db.Close(); err != nil {
			s.t.Errorf("close store: %v", err)
		}
	}
}

func openRuntime(t testing.TB, s *server) (*convex.Runtime, *sqlite.Store) {
	t.Helper()
	ctx := context.Background()
	sch, err := schema.New(append(testTables(), auth.Tables()...)...)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Path: s.path, Schema: sch, Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	streams := stream.New()
	registry := function.NewRegistry()
	registerTestFunctions(registry, streams, s.cut)
	rt, err := convex.Open(ctx, convex.Config{
		Registry: registry, Store: db, Streams: streams, Now: s.now, PingInterval: 300 * time.Millisecond,
		Auth: &auth.Config{SiteURL: siteURL, IssuerURL: s.url, KeyFile: s.key},
	})
	if err != nil {
		t.Fatal(err)
	}
	return rt, db
}
