package sandboxtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// RunSDK runs Daytona's own TypeScript SDKs, one of 2025 and one of 2026,
// against the server whose control API is at url. dir is this package's folder
// testdata/sdk, seen from the test. Without Node or the installed SDKs it
// skips.
func RunSDK(t *testing.T, dir, url, key string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Skip("the SDKs are not installed: npm ci --prefix sandbox/sandboxtest/testdata/sdk")
	}
	for _, name := range []string{"old", "new"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, node, "--test", "--test-reporter=spec", name+".test.mjs")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "URL="+url, "KEY="+key)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
