//go:build linux

package base

import (
	"testing"
)

// What a program wrote is told in a line: its errors before its chatter.
func TestGist(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "",
		"npm error code E404\nnpm error 404 no such package\nnpm error a\n\nnpm error b\nnpm error log at x\n": "npm error code E404 | npm error 404 no such package | npm error b | npm error log at x",
		"I: begin\nE: Failed to fetch x\nReading\nE: Some index files failed\nE: failed\nI: end\n":             "Failed to fetch x | Some index files failed",
	} {
		if got := gist(text); got != want {
			t.Errorf("gist(%q) = %q, want %q", text, got, want)
		}
	}
}
