//go:build linux

package engine_test

import (
	"testing"

	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/daytona"
	"surgent.dev/surgent/sandbox/sandboxtest"
)

// TestSuite holds the promises of the port, through the client that the
// program uses.
func TestSuite(t *testing.T) {
	t.Parallel()
	sandboxtest.Run(t, func(t *testing.T) sandbox.Client {
		t.Helper()
		c, err := daytona.New(daytona.Config{APIKey: apiKey, ServerURL: sharedEngine(t).base + "/api"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	})
}
