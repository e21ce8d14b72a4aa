package templates_test

import (
	"strings"
	"testing"

	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/kit/errs"
)

func TestStartCommand(t *testing.T) {
	t.Parallel()
	own, empty := "node server.js", ""
	for want, row := range map[string]templates.Template{
		"bun run dev":    {StartCommand: &empty},
		"node server.js": {StartCommand: &own},
	} {
		if got := row.Start(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := (&templates.Template{}).Start(); got != "bun run dev" {
		t.Errorf("without a command: %q", got)
	}
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"embedded:web-app": true, "embedded:gone": false, "web-app": false, "https://git.example/web-app.git": false,
	} {
		if tpl, ok := (&templates.Template{RepoURL: address}).Embedded(); ok != want || ok && (tpl.Slug != "web-app" || tpl.Files == nil) {
			t.Errorf("%s: %v %s", address, ok, tpl.Slug)
		}
	}
}

// Credentials in an address would be given to the sandbox, and shown to
// whoever reads why a clone failed.
func TestCloneRefusesCredentials(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"https://user:hidden-1@git.example/app.git", "https://hidden-1@git.example/app.git", "https://x:hidden-1@%zz"} {
		// Without a toolbox: nothing may be asked of the sandbox.
		err := templates.Clone(t.Context(), nil, "/workspace", &templates.Template{RepoURL: address})
		if errs.CodeOf(err) != errs.Unavailable || strings.Contains(err.Error(), "hidden-1") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
