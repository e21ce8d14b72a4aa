package app

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/config"
)

// cloud answers for one snapshot as Daytona's API does: 404 until it is made,
// then its state, which is told once as it was left.
type cloud struct {
	states []string // what GET tells, in order; the last one stays
	calls  []string
	recipe string
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.calls = append(c.calls, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/snapshots"))
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Method == http.MethodGet && c.states[0] == "":
		c.states = c.states[1:]
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"statusCode":404,"message":"Snapshot not found"}`))
		return
	case r.Method == http.MethodPost && r.URL.Path == "/api/snapshots":
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var req struct {
			BuildInfo struct{ DockerfileContent string }
		}
		if err := json.Unmarshal(body, &req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.recipe = req.BuildInfo.DockerfileContent
	}
	state := c.states[0]
	if len(c.states) > 1 {
		c.states = c.states[1:]
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"id": "s1", "name": templates.Base, "state": state, "errorReason": "no space"})
}

// create-snapshot makes what is missing, wakes what was set aside, makes anew
// what had failed, and keeps what is there.
func TestCreateSnapshot(t *testing.T) {
	t.Parallel()
	const get = "GET /default-env:1.0.0"
	for name, tc := range map[string]struct {
		states []string
		calls  []string
		recipe bool
		err    string
	}{
		"it is there":         {states: []string{"active"}, calls: []string{get}},
		"it is missing":       {states: []string{"", "active"}, calls: []string{get, "POST "}, recipe: true},
		"it takes a while":    {states: []string{"building", "active"}, calls: []string{get, get}},
		"it was set aside":    {states: []string{"inactive", "inactive", "active"}, calls: []string{get, "POST /s1/activate", get}},
		"its build failed":    {states: []string{"build_failed", "build_failed", "removing", "active"}, calls: []string{get, get, "DELETE /s1", "POST "}, recipe: true},
		"its build fails":     {states: []string{"", "error"}, calls: []string{get, "POST "}, recipe: true, err: "no space"},
		"it can't be reached": {states: []string{"active"}, err: "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{states: tc.states}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tc.err == "401" {
					http.Error(w, `{"statusCode":401,"message":"401"}`, http.StatusUnauthorized)
					return
				}
				c.ServeHTTP(w, r)
			}))
			defer srv.Close()
			cfg := &config.Config{Daytona: config.Daytona{APIKey: "key", ServerURL: srv.URL + "/api"}}
			err := CreateSnapshot(t.Context(), cfg, slog.New(slog.DiscardHandler), func(string) {})
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Errorf("got %v, want %q", err, tc.err)
			}
			if diff := cmp.Diff(tc.calls, c.calls); diff != "" {
				t.Error(diff)
			}
			if (c.recipe != "") != tc.recipe || tc.recipe && !strings.HasPrefix(c.recipe, "FROM ") {
				t.Errorf("recipe %q", c.recipe)
			}
		})
	}
}
