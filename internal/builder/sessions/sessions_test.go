package sessions_test

import (
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/builder/users"
)

type object = map[string]any

// starter notes what it is handed.
type starter struct{ runs []sessions.Run }

func (s *starter) Enqueue(_ *function.MutationCtx, r sessions.Run) (string, error) {
	s.runs = append(s.runs, r)
	return fmt.Sprintf("run-%d", len(s.runs)), nil
}
func (*starter) Stop(*function.MutationCtx, sessions.ID) error   { return nil }
func (*starter) Forget(*function.MutationCtx, sessions.ID) error { return nil }

// place is a runtime with one person's project and session in it.
type place struct {
	t                *testing.T
	rt               *convex.Runtime
	runs             *starter
	project, session string
	owner, stranger  convex.Caller
}

func open(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, runs: &starter{}}
	var tables []schema.Table
	for _, of := range []func() []schema.Table{users.Tables, templates.Tables, projects.Tables, sessions.Tables} {
		tables = append(tables, of()...)
	}
	declared, err := schema.New(tables...)
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db"), Schema: declared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	r := function.NewRegistry()
	sessions.Register(r, p.runs)
	function.InternalMutation(r, "projects:check", func(*function.MutationCtx, object) (any, error) { return nil, nil })
	function.InternalMutation(r, "test:seed", func(ctx *function.MutationCtx, _ struct{}) ([]string, error) {
		user, err := users.Users.Insert(ctx, ctx.DB, users.User{})
		if err != nil {
			return nil, err
		}
		other, err := users.Users.Insert(ctx, ctx.DB, users.User{})
		if err != nil {
			return nil, err
		}
		project, err := projects.Projects.Insert(ctx, ctx.DB, projects.Project{
			UserID: user, Name: "Test", Sandbox: &projects.Sandbox{Status: projects.Starting},
		})
		if err != nil {
			return nil, err
		}
		session, err := sessions.Sessions.Insert(ctx, ctx.DB, sessions.Session{ProjectID: project})
		return []string{string(user), string(other), string(project), string(session)}, err
	})
	function.InternalMutation(r, "test:rows", func(ctx *function.MutationCtx, a struct {
		SessionID sessions.ID `json:"sessionId"`
		N         int         `json:"n"`
	},
	) (any, error) {
		for i := range a.N {
			if _, err := sessions.InsertRow(ctx, ctx.DB, sessions.Row{SessionID: a.SessionID, Raw: float64(i)}); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	logger := slog.New(slog.DiscardHandler)
	if p.rt, err = convex.Open(t.Context(), convex.Config{Registry: r, Store: st, Streams: stream.New(), Logger: logger}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	if err := p.rt.RunMutation(t.Context(), "test:seed", struct{}{}, &ids); err != nil {
		t.Fatal(err)
	}
	p.owner = p.rt.As(&function.Identity{Subject: ids[0] + "|s", Issuer: "test"})
	p.stranger = p.rt.As(&function.Identity{Subject: ids[1] + "|s", Issuer: "test"})
	p.project, p.session = ids[2], ids[3]
	return p
}

func (p *place) refused(args object, name, words string) {
	p.t.Helper()
	if err := p.owner.RunMutation(p.t.Context(), name, args, nil); err == nil || !strings.Contains(err.Error(), words) {
		p.t.Errorf("%s: %v, want %q", name, err, words)
	}
}

// TestRowsAreTheNewestInOrder: whatever a client wishes for, it gets between
// one and a thousand of the newest rows, oldest first.
func TestRowsAreTheNewestInOrder(t *testing.T) {
	t.Parallel()
	p := open(t)
	if err := p.rt.RunMutation(t.Context(), "test:rows", object{"sessionId": p.session, "n": 1200}, nil); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[any]int{
		nil: 200, 5.0: 5, 2.9: 2, 0.0: 1, -7.0: 1, 5000.0: 1000, math.Inf(1): 1000, math.Inf(-1): 1, math.NaN(): 1,
	} {
		args := object{"sessionId": p.session}
		if limit != nil {
			args["limit"] = limit
		}
		var rows []sessions.Row
		if err := p.owner.RunQuery(t.Context(), "sessions:listMessagesBySession", args, &rows); err != nil {
			t.Errorf("limit %v: %v", limit, err)
			continue
		}
		if len(rows) != want || rows[0].Raw != float64(1200-want) || rows[want-1].Raw != 1199.0 {
			t.Errorf("limit %v: %d rows, want %d up to the newest", limit, len(rows), want)
		}
	}
	for size, want := range map[float64]int{10: 10, 0: 1, math.NaN(): 1, 1e9: 1000} {
		var page store.Page[sessions.Row]
		args := object{"sessionId": p.session, "paginationOpts": object{"numItems": size, "cursor": nil}}
		if err := p.owner.RunQuery(t.Context(), "sessions:listMessagesPage", args, &page); err != nil {
			t.Errorf("page of %v: %v", size, err)
			continue
		}
		if len(page.Page) != want || page.Page[0].Raw != 1199.0 {
			t.Errorf("page of %v: %d rows from %v", size, len(page.Page), page.Page[0].Raw)
		}
	}
}

func TestStrangersSeeNothing(t *testing.T) {
	t.Parallel()
	p := open(t)
	for name, want := range map[string]any{
		"sessions:getSession": nil, "sessions:listMessagesBySession": []any{},
	} {
		var got any
		if err := p.stranger.RunQuery(t.Context(), name, object{"sessionId": p.session}, &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	args := object{"sessionId": p.session, "projectId": p.project, "prompt": "hi"}
	if err := p.stranger.RunMutation(t.Context(), "sessions:createMessageAndRunAgent", args, nil); err == nil || len(p.runs.runs) != 0 {
		t.Errorf("a stranger's prompt: %v, %d runs", err, len(p.runs.runs))
	}
}

// TestPrompts: a good one is a row and a run of it in one; a bad one says what
// to do and leaves nothing.
func TestPrompts(t *testing.T) {
	t.Parallel()
	p := open(t)
	args := func(more object) object {
		all := object{"sessionId": p.session, "projectId": p.project, "prompt": "Build it", "mode": "ask", "model": "some/model-1"}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	const name = "sessions:createMessageAndRunAgent"
	p.refused(args(object{"prompt": " \n\t"}), name, "A prompt needs some text")
	p.refused(args(object{"prompt": strings.Repeat("x", 600<<10)}), name, "A prompt has at most 512 kB of text, this one has 600")
	p.refused(args(object{"model": "x; rm -rf /"}), name, "no model's name")
	p.refused(args(object{"mode": "yolo"}), name, "ArgumentValidationError")
	if len(p.runs.runs) != 0 {
		t.Errorf("bad prompts made runs: %+v", p.runs.runs)
	}
	if err := p.owner.RunMutation(t.Context(), name, args(nil), nil); err != nil {
		t.Fatal(err)
	}
	var rows []sessions.Row
	if err := p.owner.RunQuery(t.Context(), "sessions:listMessagesBySession", object{"sessionId": p.session}, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].Raw != "Build it" || rows[0].Role != "user" || rows[0].RunID != "run-1" {
		t.Errorf("rows = %+v", rows)
	}
	want := []sessions.Run{{
		ProjectID: projects.ID(p.project), SessionID: sessions.ID(p.session), PromptRow: rows[0].ID,
		Prompt: "Build it", Mode: "ask", Model: "some/model-1",
	}}
	if diff := cmp.Diff(want, p.runs.runs); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	p := open(t)
	title := func(id string) string {
		var s sessions.Session
		if err := p.owner.RunQuery(t.Context(), "sessions:getSession", object{"sessionId": id}, &s); err != nil {
			t.Fatal(err)
		}
		return s.Title
	}
	var id string
	if err := p.owner.RunMutation(t.Context(), "sessions:createSession", object{"projectId": p.project, "title": "  Two \n words "}, &id); err != nil {
		t.Fatal(err)
	}
	if got := title(id); got != "Two words" {
		t.Errorf("title = %q", got)
	}
	if err := p.owner.RunMutation(t.Context(), "sessions:renameSession", object{"sessionId": id, "title": ""}, nil); err != nil {
		t.Fatal(err)
	}
	if got := title(id); got != sessions.DefaultTitle {
		t.Errorf("no title = %q", got)
	}
	p.refused(object{"sessionId": id, "title": strings.Repeat("ü", 121)}, "sessions:renameSession", "at most 120 characters")
}

// Whoever may write rows could once write them without end.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	p := open(t)
	more := func(metadata any) error {
		return p.owner.RunMutation(t.Context(), "sessions:createSession", object{"projectId": p.project, "metadata": metadata}, nil)
	}
	if err := more(object{"from": strings.Repeat("x", 5000)}); err == nil || !strings.Contains(err.Error(), "metadata has at most") {
		t.Errorf("much metadata: %v", err)
	}
	for range 499 { // and the one that is there
		if err := more(object{"from": "import"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := more(nil); err == nil || !strings.Contains(err.Error(), "500 sessions already") {
		t.Errorf("one more: %v", err)
	}
}
