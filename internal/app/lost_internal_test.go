package app

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/projects"
)

// troubled is a server of sandboxes in trouble: it knows one sandbox, of which
// it says what the test wants, and notes what is asked of it.
type troubled struct {
	mu      sync.Mutex // guards the rest
	status  int
	state   string
	changes []string // requests that change something
}

func (s *troubled) set(status int, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.state, s.changes = status, state, nil
}

func (s *troubled) made() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.changes, ", ")
}

func (s *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, body := http.StatusNotFound, any(obj{"statusCode": 404, "message": "not found"})
	switch {
	case r.Method != http.MethodGet:
		s.changes = append(s.changes, r.Method+" "+r.URL.Path)
	case r.URL.Path == "/api/sandbox":
		status, body = http.StatusOK, []any{}
	case r.URL.Path == "/api/sandbox/box-1":
		status, body = s.status, obj{"id": "box-1", "name": "box", "state": s.state, "errorReason": "its disk is broken"}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Any error while a sandbox was resumed made a new, empty one: the work seemed
// gone, and the old one ran on, forgotten.
func TestAnErrorMakesNoOtherSandbox(t *testing.T) {
	t.Parallel()
	s := &troubled{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	b := start(t, dir, "/nowhere", slog.New(slog.DiscardHandler), map[string]string{
		"SURGENT_CACHE": filepath.Join(dir, "cache"), "DAYTONA_API_KEY": "unused", "DAYTONA_SERVER_URL": server.URL + "/api",
	})
	p := b.guest(t)
	id, _ := p.project(t, "Worked on")
	eventually(t, "its first attempt ends", func() bool { return p.box(t, id).Sandbox.Status == "error" })
	if _, err := b.store.Update(t.Context(), func(tx store.Transaction) error {
		return projects.Projects.Patch(t.Context(), store.NewWriter(b.store, tx), projects.ID(id), value.Object{
			"sandboxId": "box-1", "sandbox": projects.Sandbox{Status: projects.Stopped, IsInitialized: true},
		})
	}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		status      int
		state, says string
	}{
		{http.StatusInternalServerError, "", "The sandbox server doesn't answer."},
		{http.StatusUnauthorized, "", "The sandbox server doesn't answer."},
		{http.StatusOK, "error", "its disk is broken"},
	} {
		s.set(tc.status, tc.state)
		p.must(t, "mutation", "projects:wakeSandbox", obj{"projectId": id}, nil)
		var now box
		eventually(t, tc.says, func() bool { now = p.box(t, id); return now.Sandbox.Status == "error" })
		if now.SandboxID != "box-1" || !now.Sandbox.IsInitialized || now.Sandbox.Error != tc.says {
			t.Errorf("%d %s: the project is %+v", tc.status, tc.state, now)
		}
		if made := s.made(); made != "" {
			t.Errorf("%d %s: the server was asked to %s", tc.status, tc.state, made)
		}
	}
	// "Try again" replaces one that is broken for good; its owner asked for it.
	p.must(t, "mutation", "projects:activateProject", obj{"projectId": id}, nil)
	eventually(t, "the broken one goes", func() bool { return strings.HasPrefix(s.made(), "DELETE /api/sandbox/box-1") })
}
