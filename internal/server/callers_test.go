package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/internal/server"
)

// Which pages may call the functions, by HTTP and over a socket.
func TestPagesThatMayCall(t *testing.T) {
	t.Parallel()
	open := func(domain string) http.Handler {
		h, err := server.New(server.Config{
			Domain: domain, Scheme: "http", Origins: []string{"https://front.example", "http://front.example:8080"},
			Workspace: say("workspace"), Functions: say("functions"), FunctionPaths: convex.Paths(), Health: say("health"), Preview: say("preview"), Apps: say("app"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	local, public := open("localhost:3210"), open("surgent.example")
	for _, tc := range []struct {
		by                 http.Handler
		name, host, origin string
		method, path       string // "" for a call of an action
		may                bool
	}{
		{by: local, name: "no page", host: "localhost:3210", may: true},
		{by: local, name: "the workspace", host: "localhost:3210", origin: "http://localhost:3210", may: true},
		{by: local, name: "by another name", host: "127.0.0.1:3210", origin: "http://127.0.0.1:3210", may: true},
		{by: local, name: "in the network", host: "192.168.1.5:3210", origin: "http://192.168.1.5:3210", may: true},
		{by: local, name: "in the network, IPv6", host: "[fd00::5]:3210", origin: "http://[fd00::5]:3210", may: true},
		{by: local, name: "another machine", host: "192.168.1.5:3210", origin: "http://192.168.1.6:3210"},
		{by: local, name: "a dev server", host: "localhost:3210", origin: "http://localhost:5173", may: true},
		{by: local, name: "a dev server by number", host: "localhost:3210", origin: "http://127.0.0.1:5173", may: true},
		{by: local, name: "a dev server, IPv6", host: "localhost:3210", origin: "http://[::1]:5173", may: true},
		{by: local, name: "a preview", host: "localhost:3210", origin: "http://3000-abc.localhost:3210"},
		{by: local, name: "an app", host: "localhost:3210", origin: "http://todo.localhost:3210"},
		{by: local, name: "an app, calling by number", host: "127.0.0.1:3210", origin: "http://todo.localhost:3210"},
		{by: local, name: "a page of its own making", host: "localhost:3210", origin: "null"},
		{by: local, name: "a file", host: "localhost:3210", origin: "file://"},
		{by: local, name: "a stranger", host: "localhost:3210", origin: "https://evil.example"},
		{by: local, name: "a name that ends alike", host: "localhost:3210", origin: "https://evillocalhost"},
		{by: local, name: "a name that begins alike", host: "localhost:3210", origin: "https://localhost.evil.example"},
		{by: local, name: "a listed one", host: "localhost:3210", origin: "https://front.example", may: true},
		{by: local, name: "a listed one, with its port", host: "localhost:3210", origin: "http://front.example:8080", may: true},
		{by: local, name: "a listed one, another port", host: "localhost:3210", origin: "http://front.example:8081"},
		{by: public, name: "the workspace", host: "surgent.example", origin: "https://surgent.example", may: true},
		{by: public, name: "an app", host: "surgent.example", origin: "https://todo.surgent.example"},
		{by: public, name: "a stranger", host: "surgent.example", origin: "https://evil.example"},
		{by: public, name: "a developer's page", host: "surgent.example", origin: "http://localhost:5173", may: true},
		{by: public, name: "a listed one", host: "surgent.example", origin: "https://front.example", may: true},
		{by: local, name: "a stranger, asking first", host: "localhost:3210", origin: "https://evil.example", method: http.MethodOptions},
		{by: local, name: "a stranger, by socket", host: "localhost:3210", origin: "https://evil.example", method: http.MethodGet, path: "/api/1.48.0/sync"},
		{by: local, name: "a provider that sends somebody back", host: "localhost:3210", origin: "https://accounts.example", path: "/api/auth/callback/google", may: true},
		{by: local, name: "keys are for everybody", host: "localhost:3210", origin: "https://evil.example", method: http.MethodGet, path: "/.well-known/jwks.json", may: true},
	} {
		method, path := tc.method, tc.path
		if method == "" {
			method = http.MethodPost
		}
		if path == "" {
			path = "/api/action"
		}
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.Host = tc.host
		if tc.origin != "" {
			r.Header.Set("Origin", tc.origin)
		}
		w := httptest.NewRecorder()
		tc.by.ServeHTTP(w, r)
		if may := w.Body.String() == "functions"; may != tc.may {
			t.Errorf("%s: may call is %v", tc.name, may)
		}
		if !tc.may && (w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "SURGENT_ORIGINS") || w.Header().Get("Access-Control-Allow-Origin") != "") {
			t.Errorf("%s: %d %s %v", tc.name, w.Code, w.Body, w.Header())
		}
	}
}
