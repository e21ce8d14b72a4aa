package app

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// Guests each have a limit of three sandboxes, but anybody could be as many
// guests as they liked.
func TestAnAddressMakesOnlySoManyGuests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, dir, "/nowhere", slog.New(slog.DiscardHandler), map[string]string{
		"SURGENT_CACHE":   filepath.Join(dir, "cache"),
		"DAYTONA_API_KEY": "unused", "DAYTONA_SERVER_URL": "http://127.0.0.1:1/api",
		"SURGENT_NEW_ACCOUNTS": "2",
	})
	b.guest(t)
	b.signUp(t)
	const refused = "Too many new accounts from this address. Wait 30 minutes."
	b.anonymous().refused(t, "action", "auth:signIn", obj{"provider": "anonymous"}, refused, "")
	// Nobody is elsewhere by saying so.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/api/action", strings.NewReader(`{"path":"auth:signIn","args":{"provider":"anonymous"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.7")
	if body := b.answer(t, req); !strings.Contains(body, refused) {
		t.Errorf("with a made-up address: %s", body)
	}
	if n := b.count(t, "users"); n != 2 {
		t.Errorf("%d users are there", n)
	}
}
