package app

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"surgent.dev/surgent/internal/config"
)

// The engine by itself: its API under /api for whoever has the key, a snapshot
// that create-snapshot finds there, and an end with the server that it belongs
// to. It serves the base that the cache holds.
func TestServeSandboxes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: starts a real engine")
	}
	cache := os.Getenv("SURGENT_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "surgent")
	}
	server := exec.CommandContext(t.Context(), "cat")
	hold, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hold.Close() }()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	o := SandboxOptions{
		Addr: "127.0.0.1:0", Key: "the-key", Data: filepath.Join(t.TempDir(), "sandboxes"), Cache: cache,
		Binary: builtBinary(t), Logger: slog.New(slog.DiscardHandler),
		Server: server.Process.Pid, Ready: func(url string) { ready <- url },
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { ended <- ServeSandboxes(ctx, o) }()
	var url string
	select {
	case url = <-ready:
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	}
	for key, want := range map[string]int{"the-key": http.StatusOK, "another": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/snapshots", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("snapshots with key %q: %d, want %d", key, resp.StatusCode, want)
		}
	}
	cfg := &config.Config{Daytona: config.Daytona{APIKey: "the-key", ServerURL: url}}
	if err := CreateSnapshot(t.Context(), cfg, o.Logger, func(string) {}); err != nil {
		t.Errorf("create-snapshot on it: %v", err)
	}

	// The address and the data folder are taken, and both say so.
	second := o
	second.Addr = strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/api")
	if err := ServeSandboxes(t.Context(), second); err == nil || !strings.HasPrefix(err.Error(), "--addr: "+second.Addr+" is taken") {
		t.Errorf("a second engine on one address: %v", err)
	}
	if err := BuildBase(t.Context(), SandboxOptions{
		Key: "unused", Data: o.Data, Cache: cache, Binary: o.Binary, Logger: o.Logger, Progress: func(string) {},
	}); err == nil || !strings.Contains(err.Error(), "belong to another server") {
		t.Errorf("a second engine on one data folder: %v", err)
	}

	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	_ = server.Wait() // killed

	// The same folder serves create-snapshot now.
	if err := BuildBase(t.Context(), SandboxOptions{
		Key: "unused", Data: o.Data, Cache: cache, Binary: o.Binary, Logger: o.Logger, Progress: func(string) {},
	}); err != nil {
		t.Errorf("create-snapshot on this machine: %v", err)
	}
}
