package health_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"surgent.dev/surgent/internal/server/health"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	var broken error
	h := health.New(health.Config{Logger: slog.New(slog.DiscardHandler), Checks: []health.Check{
		{Name: "database", Ask: func(context.Context) error { return broken }},
	}})
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
		return w
	}
	if w := ask(); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"ok"`) {
		t.Errorf("healthy: %d %s", w.Code, w.Body)
	}
	broken = errors.New("disk is full of secrets")
	if w := ask(); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "database") || strings.Contains(w.Body.String(), "secrets") {
		t.Errorf("broken: %d %s", w.Code, w.Body)
	}
}
