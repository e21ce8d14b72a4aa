// Package health is the door that tells a load balancer, `surgent setup` and
// the tests whether the server can serve: GET /healthz. It doesn't wait for
// images that are being prepared; a server whose base is still being built
// serves everything else.
package health

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"
)

// Check is one thing that must work. It is asked on every request and must
// return within its context's two seconds.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// Config lists the checks.
type Config struct {
	Checks []Check
	Logger *slog.Logger
}

// New returns the handler: 200 {"status":"ok"}, or 503 with the name of what
// fails. The cause goes to the log, not to the client.
func New(c Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		body, status := map[string]string{"status": "ok"}, http.StatusOK
		for _, check := range c.Checks {
			if err := check.Ask(ctx); err != nil {
				c.Logger.WarnContext(ctx, "health check failed", "check", check.Name, "error", err)
				body, status = map[string]string{"status": "failing", "check": check.Name}, http.StatusServiceUnavailable
				break
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
	})
}
