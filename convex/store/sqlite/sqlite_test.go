package sqlite_test

import (
	"path/filepath"
	"testing"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB, dir string, sch *schema.Schema) store.Store {
		st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "a folder?#%", "test.db"), Schema: sch})
		if err != nil {
			t.Fatal(err)
		}
		return st
	})
}
