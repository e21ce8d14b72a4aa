//go:build linux

package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPruneKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	parent, now := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{"fresh": time.Hour, "recent": 6 * 24 * time.Hour, "old": 8 * 24 * time.Hour} {
		if err := markUsed(now.Add(-age), filepath.Join(parent, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"unmarked", "new.123.tmp"} {
		if err := os.Mkdir(filepath.Join(parent, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := prune(now, parent)
	if err != nil || len(removed) != 1 || filepath.Base(removed[0]) != "old" {
		t.Errorf("removed %v, %v", removed, err)
	}
	// What is being made stays; a day later nobody is making it any more.
	if _, err := os.Stat(filepath.Join(parent, "new.123.tmp")); err != nil {
		t.Error(err)
	}
	// From its first sight on, the unmarked one ages too.
	removed, err = prune(now.Add(keepUnused), parent)
	if err != nil || len(removed) != 3 {
		t.Errorf("a week later: removed %v, %v", removed, err)
	}
	if _, err := os.Stat(filepath.Join(parent, "new.123.tmp")); !os.IsNotExist(err) {
		t.Errorf("half a snapshot: %v", err)
	}
	if removed, err := prune(now, filepath.Join(parent, "none")); err != nil || removed != nil {
		t.Errorf("no folder: %v, %v", removed, err)
	}
}
