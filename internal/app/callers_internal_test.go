package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// Any page that the visitor looked at could call a server on the visitor's
// machine: be its guest and run its agent.
func TestOnlyOurPagesMayCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for origin, may := range map[string]bool{
		"":                                 true,
		"http://" + b.config.Domain:        true,
		"http://localhost:5173":            true,
		"http://todo." + b.config.Domain:   false,
		"http://3000-x." + b.config.Domain: false,
		"https://evil.example":             false,
		"null":                             false,
	} {
		head := http.Header{}
		if origin != "" {
			head.Set("Origin", origin)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/api/query", strings.NewReader(`{"path":"config:client","args":{}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = head
		if body := b.answer(t, req); strings.Contains(body, `"status":"success"`) != may || strings.Contains(body, "ForbiddenOrigin") == may {
			t.Errorf("from %q, HTTP: %s", origin, body)
		}
		conn, _, err := websocket.Dial(t.Context(), b.url+"/api/1.48.0/sync", &websocket.DialOptions{HTTPHeader: head})
		if (err == nil) != may {
			t.Errorf("from %q, socket: %v", origin, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
}
