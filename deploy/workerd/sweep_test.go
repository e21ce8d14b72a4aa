package workerd_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/workerd"
)

// A deleted app's files stayed until somebody else published.
func TestContentsOfRemovedAppsGo(t *testing.T) {
	t.Parallel()
	var later atomic.Int64 // ns
	b := setup(t, func(c *workerd.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	stored := func() (n int) {
		if err := filepath.WalkDir(filepath.Join(b.config.Dir, "blobs"), func(_ string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				n++
			}
			return err
		}); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return n
	}
	b.publish(deploytest.App("r1", "goes", "", map[string]string{"/index.html": "goes", "/both.txt": "both"}))
	b.publish(deploytest.App("r1", "stays", "", map[string]string{"/both.txt": "both"}))
	before := stored()
	if err := b.target.Remove(t.Context(), "goes"); err != nil {
		t.Fatal(err)
	}
	b.target.Sweep()
	if n := stored(); n != before {
		t.Errorf("%d of %d contents are left at once: one may belong to a release in the making", n, before)
	}
	later.Store(int64(3 * time.Hour))
	b.target.Sweep()
	if n := stored(); n != 1 {
		t.Errorf("%d contents are left, want the other app's alone", n)
	}
}
