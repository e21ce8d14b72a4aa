//go:build linux

package engine

import (
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"surgent.dev/surgent/sandbox/engine/base"
)

// A base that can't be built is told as such, and tried again.
func TestCatalogTellsWhyThereIsNoBase(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("building a base needs root")
	}
	recipe, err := base.LoadRecipe(fstest.MapFS{
		"recipe.json":  {Data: []byte(`{"name":"env:1","suite":"s","packages":[],"node":"1","bun":"1"}`)},
		"package.json": {Data: []byte(`{}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // no mmdebstrap
	c := newCatalog(Config{CacheDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Now: time.Now}, recipe)
	if s := c.base(); s.State != "building" || s.Step == "" {
		t.Errorf("before: %+v", s)
	}
	for range 2 {
		if err := c.prepare(t.Context(), "g"); err == nil {
			t.Fatal("a base without mmdebstrap")
		}
		if s := c.base(); s.State != "error" || !strings.Contains(s.Reason, "mmdebstrap") {
			t.Errorf("after: %+v", s)
		}
		_, _, err := c.wait(t.Context())
		if status, text := statusOf(err); status != 503 || !strings.Contains(text, "apt-get install mmdebstrap") {
			t.Errorf("waiting: %v", err)
		}
	}
	if s, err := c.find("other"); s != nil || err != nil {
		t.Errorf("find without a base: %v, %v", s, err)
	}
}

func TestSnapshotsAreFoundByName(t *testing.T) {
	t.Parallel()
	c := &catalog{cfg: Config{CacheDir: t.TempDir()}, key: "key", state: snapshot{Name: "env:1"}}
	write := func(text string) func(string) error {
		return func(image string) error {
			return os.WriteFile(image, []byte(text), fs.FileMode(0o600))
		}
	}
	for _, name := range []string{"web-app:123", "../../etc/passwd", "with spaces/and:colons"} {
		if err := c.add(&snapshot{ID: name, Name: name, Token: "secret"}, write("first")); err != nil {
			t.Fatal(err)
		}
		// Another engine was faster: its snapshot stays.
		if err := c.add(&snapshot{ID: name, Name: name}, write("second")); err != nil {
			t.Fatal(err)
		}
		s, err := c.find(name)
		if err != nil || s == nil || s.Name != name || s.Token != "secret" || !s.live() {
			t.Fatalf("%s: %+v, %v", name, s, err)
		}
		if text, err := os.ReadFile(s.image()); err != nil || string(text) != "first" {
			t.Errorf("%s: image %q, %v", name, text, err)
		}
	}
	if all, err := c.list(); err != nil || len(all) != 4 {
		t.Errorf("list has %d, %v", len(all), err)
	}
	s, err := c.find("web-app:123")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice is fine
		if err := c.remove(s); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := c.find("web-app:123"); s != nil || err != nil {
		t.Errorf("removed: %+v, %v", s, err)
	}
}
