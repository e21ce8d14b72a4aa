//go:build linux

package engine_test

import (
	"testing"

	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/daytona"
	"surgent.dev/surgent/sandbox/sandboxtest"
)

// TestConformance holds the promises of the port, through the client that the
// program uses.
func TestConformance(t *testing.T) {
	t.Parallel()
	sandboxtest.Run(t, func(t *testing.T) sandbox.Client {
		t.Helper()
		c, err := daytona.NewEmbedded(daytona.Config{APIKey: apiKey, ServerURL: sharedEngine(t).base + "/api"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	})
}

// TestOfficialSDKs drives the engine with Daytona's own clients.
func TestOfficialSDKs(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	sandboxtest.RunSDK(t, "../sandboxtest/testdata/sdk", c.base+"/api", apiKey)
}
