package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/internal/server"
)

func say(word string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, word) })
}

func TestHostRouting(t *testing.T) {
	t.Parallel()
	h, err := server.New(server.Config{
		Domain: "localhost:3210", Scheme: "http", Workspace: say("workspace"), Functions: say("functions"), FunctionPaths: convex.Paths(),
		Health: say("health"), Preview: say("preview"), Apps: say("app"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ host, path, want string }{
		{"localhost:3210", "/", "workspace"},
		{"LOCALHOST:3210", "/p/abc", "workspace"},
		{"localhost:3210", "/api/query", "functions"},
		{"localhost:3210", "/api/1.48.0/sync", "functions"},
		{"localhost:3210", "/api/auth/signin/google", "functions"},
		{"localhost:3210", "/version", "functions"},
		{"localhost:3210", "/.well-known/jwks.json", "functions"},
		{"localhost:3210", "/healthz", "health"},
		{"127.0.0.1:3210", "/", "workspace"},
		{"[::1]:3210", "/api/query", "functions"},
		{"3000-abc.localhost:3210", "/api/query", "preview"},
		{"3000-a-b-c.localhost", "/", "preview"},
		{"todo-list.localhost:3210", "/api/hello", "app"},
		{"3000.localhost:3210", "/", "app"},
		{"a.b.localhost:3210", "/", ""},
		{".localhost:3210", "/", ""},
		{"evil.example:3210", "/", ""},
		{"localhost.evil.example", "/api/query", ""},
		{"evillocalhost", "/", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tc.path, nil)
		r.Host = tc.host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if tc.want == "" {
			if w.Code != http.StatusNotFound {
				t.Errorf("%s%s: status %d %q", tc.host, tc.path, w.Code, w.Body)
			}
		} else if w.Body.String() != tc.want {
			t.Errorf("%s%s: %q, want %q", tc.host, tc.path, w.Body, tc.want)
		}
	}
}

// A request line may hold an address that is neither a path nor that of a
// server. Put behind a host's name it would become another host.
func TestAddressesThatAreNoPath(t *testing.T) {
	t.Parallel()
	h, err := server.New(server.Config{
		Domain: "localhost:3210", Scheme: "http", Workspace: say("workspace"), Functions: say("functions"), FunctionPaths: convex.Paths(),
		Health: say("health"), Preview: say("preview"), Apps: say("app"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost:3210", "3000-abc.localhost:3210", "todo-list.localhost:3210"} {
		for _, line := range []string{"http:x:@evil.example/", "x:@evil.example/", "http:.evil.example/"} {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + line + " HTTP/1.1\r\nHost: " + host + "\r\nSec-Fetch-Mode: navigate\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest {
				t.Errorf("%s of %s: status %d, %q to %q", line, host, w.Code, w.Body, w.Header().Get("Location"))
			}
		}
	}
}

func TestAppsOfAnotherPlaceAreNotFound(t *testing.T) {
	t.Parallel()
	h, err := server.New(server.Config{Domain: "localhost", Scheme: "http", Workspace: say("w"), Functions: say("f"), FunctionPaths: convex.Paths(), Health: say("h"), Preview: say("p")})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Host = "todo.localhost"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}

func TestOtherNamesOfThisMachineLeadToTheWorkspace(t *testing.T) {
	t.Parallel()
	h, err := server.New(server.Config{
		Domain: "localhost:3210", Scheme: "http", Workspace: say("workspace"), Functions: say("functions"), FunctionPaths: convex.Paths(), Health: say("h"), Preview: say("p"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ host, mode, path, location string }{
		{"127.0.0.1:3210", "navigate", "/p/abc?tab=files", "http://localhost:3210/p/abc?tab=files"},
		{"127.0.0.1:3210", "cors", "/assets/a.js", ""},
		{"127.0.0.1:3210", "", "/", ""},
		{"localhost:3210", "navigate", "/", ""},
		{"127.0.0.1:3210", "navigate", "/api/query", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tc.path, nil)
		r.Host = tc.host
		if tc.mode != "" {
			r.Header.Set("Sec-Fetch-Mode", tc.mode)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != tc.location {
			t.Errorf("%s%s (%s) leads to %q", tc.host, tc.path, tc.mode, got)
		}
	}
}

// A body that never comes doesn't hold a connection of a door that reads none.
func TestBodiesThatNobodyReads(t *testing.T) {
	t.Parallel()
	h, err := server.New(server.Config{
		Domain: "localhost", Scheme: "http", Workspace: say("workspace"), Functions: say("functions"), FunctionPaths: convex.Paths(), Health: say("health"), Preview: say("p"),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	for path, want := range map[string]string{"/": "workspace", "/healthz": "health"} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nonly this"); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn) // to the end of the connection
		if err != nil || !strings.HasSuffix(string(answer), want) {
			t.Errorf("%s: %q, %v", path, answer, err)
		}
		_ = conn.Close()
	}
}
