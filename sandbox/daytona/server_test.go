package daytona_test

import (
	"os"
	"strings"
	"testing"

	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/daytona"
	"surgent.dev/surgent/sandbox/sandboxtest"
)

// TestAgainstServer runs the whole suite against a server that is already
// there: SURGENT_TEST_DAYTONA_URL is its control API, SURGENT_TEST_DAYTONA_KEY
// the key. An address on this machine is taken for the embedded engine.
func TestAgainstServer(t *testing.T) {
	t.Parallel()
	url, key := os.Getenv("SURGENT_TEST_DAYTONA_URL"), os.Getenv("SURGENT_TEST_DAYTONA_KEY")
	if url == "" {
		t.Skip("SURGENT_TEST_DAYTONA_URL is not set")
	}
	cfg := daytona.Config{APIKey: key, ServerURL: url}
	sandboxtest.Run(t, func(t *testing.T) sandbox.Client {
		t.Helper()
		if strings.Contains(url, "//127.0.0.1:") {
			c, err := daytona.NewEmbedded(cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.CloseIdle)
			return c
		}
		c, err := daytona.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseIdle)
		return c
	})
}

// TestOfficialSDKs runs Daytona's SDKs against the same server.
func TestOfficialSDKs(t *testing.T) {
	t.Parallel()
	url, key := os.Getenv("SURGENT_TEST_DAYTONA_URL"), os.Getenv("SURGENT_TEST_DAYTONA_KEY")
	if url == "" {
		t.Skip("SURGENT_TEST_DAYTONA_URL is not set")
	}
	sandboxtest.RunSDK(t, "../sandboxtest/testdata/sdk", url, key)
}
