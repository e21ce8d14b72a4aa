//go:build linux

package daytona_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"surgent.dev/surgent/sandbox/daytona"
	"surgent.dev/surgent/sandbox/sandboxtest"
	"surgent.dev/surgent/sandbox/toolbox"
)

// TestAgainstToolbox runs the toolbox half of the suite against the real
// server, as the current user, in a folder of this machine.
func TestAgainstToolbox(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for _, dir := range []string{"/home", "/work"} {
		if err := os.Mkdir(base+dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	server, err := toolbox.Open(context.WithoutCancel(t.Context()), toolbox.Config{Token: "key", Home: base + "/home", WorkDir: base + "/work", StateDir: base + "/state"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Shutdown(context.WithoutCancel(t.Context())) })
	web := httptest.NewServer(http.StripPrefix("/toolbox/sb", server.Handler()))
	t.Cleanup(web.Close)
	client, err := daytona.NewEmbedded(daytona.Config{APIKey: "key", ServerURL: web.URL + "/api", ToolboxURL: web.URL + "/toolbox"})
	if err != nil {
		t.Fatal(err)
	}
	sandboxtest.RunToolbox(t, client.Toolbox("sb"))
	if list, err := os.ReadDir(base + "/state/tmp"); err != nil || len(list) != 0 {
		t.Errorf("left in the state folder: %v, %v", list, err)
	}
}

// TestPlainServer: a server that knows no "within" gets paths that were
// resolved first.
func TestPlainServer(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	server, err := toolbox.Open(context.WithoutCancel(t.Context()), toolbox.Config{Token: "key", Home: base, WorkDir: base, StateDir: base + "/state"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Shutdown(context.WithoutCancel(t.Context())) })
	web := httptest.NewServer(http.StripPrefix("/toolbox/sb", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("within") {
			t.Errorf("%s asks for what only the engine has", r.URL)
		}
		server.Handler().ServeHTTP(w, r)
	})))
	t.Cleanup(web.Close)
	client, err := daytona.New(daytona.Config{APIKey: "key", ServerURL: web.URL + "/api", ToolboxURL: web.URL + "/toolbox"})
	if err != nil {
		t.Fatal(err)
	}
	sandboxtest.RunToolbox(t, client.Toolbox("sb"))
}
