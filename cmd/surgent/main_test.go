package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestSetupWaitsAndSaysWhyNot(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"status":"failing","check":"database"}`))
		}
	}))
	defer s.Close()
	if err := awaitServer(t.Context(), s.URL, 10*time.Second); err != nil {
		t.Errorf("it answers the third time: %v", err)
	}
	err := awaitServer(t.Context(), s.URL+"/elsewhere", 2*time.Second)
	if err == nil || !strings.Contains(err.Error(), "database") || !strings.Contains(err.Error(), "2s") {
		t.Errorf("got %v", err)
	}
	cmd := setupCommand()
	cmd.SetArgs([]string{"--url", "localhost:3210"})
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "http://localhost:3210") {
		t.Errorf("an address without a scheme: %v", err)
	}
}

func TestEngineKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(" secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := engineKey("", file); err != nil || key != "secret" {
		t.Errorf("got %q, %v", key, err)
	}
	if key, err := engineKey("given", file); err != nil || key != "given" {
		t.Errorf("got %q, %v", key, err)
	}
	for _, bad := range []string{"", filepath.Join(t.TempDir(), "none")} {
		if _, err := engineKey("", bad); err == nil || !strings.Contains(err.Error(), "--api-key-file") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSourceTree(t *testing.T) {
	t.Parallel()
	if !inSourceTree("../..") || inSourceTree(t.TempDir()) {
		t.Error("the source tree is not told from other folders")
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	if got := oneLine("a\n\tb  c\n"); got != "a b c" {
		t.Errorf("got %q", got)
	}
}
