//go:build linux

package engine_test

import (
	"strings"
	"testing"

	"surgent.dev/surgent/sandbox/engine"
)

// Where the other tests can run, there is nothing to find.
func TestCheckFindsNothingHere(t *testing.T) {
	t.Parallel()
	sharedEngine(t)
	cfg, _ := config(t.TempDir())
	for _, err := range engine.Check(t.Context(), cfg.Runsc) {
		t.Error(err)
	}
	problems := engine.Check(t.Context(), []string{"/bin/false", "runsc"})
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "gVisor does not start") {
		t.Errorf("without gVisor: %v", problems)
	}
}
