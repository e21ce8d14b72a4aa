package commits_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/internal/builder/commits"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/builder/users"
)

type object = map[string]any

// seeded are the ids of two people, and of a project of the first with two
// sessions and a row.
type seeded struct{ Owner, Stranger, Project, Session, Other, Row string }

func open(t *testing.T) (*convex.Runtime, seeded) {
	t.Helper()
	var tables []schema.Table
	for _, of := range []func() []schema.Table{users.Tables, templates.Tables, projects.Tables, sessions.Tables, commits.Tables} {
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
	commits.Register(r)
	function.InternalMutation(r, "test:seed", func(ctx *function.MutationCtx, _ struct{}) ([]string, error) {
		var ids []string
		for range 2 {
			id, err := users.Users.Insert(ctx, ctx.DB, users.User{})
			if err != nil {
				return nil, err
			}
			ids = append(ids, string(id))
		}
		project, err := projects.Projects.Insert(ctx, ctx.DB, projects.Project{UserID: users.ID(ids[0]), Name: "Test"})
		if err != nil {
			return nil, err
		}
		ids = append(ids, string(project))
		for range 2 {
			id, err := sessions.Sessions.Insert(ctx, ctx.DB, sessions.Session{ProjectID: project})
			if err != nil {
				return nil, err
			}
			ids = append(ids, string(id))
		}
		row, err := sessions.InsertRow(ctx, ctx.DB, sessions.Row{SessionID: sessions.ID(ids[3]), Raw: object{"type": "result"}})
		return append(ids, string(row)), err
	})
	function.InternalMutation(r, "test:version", func(ctx *function.MutationCtx, a struct {
		ProjectID projects.ID `json:"projectId"`
		SessionID sessions.ID `json:"sessionId"`
		Version   float64     `json:"version"`
	},
	) (commits.ID, error) {
		return commits.Insert(ctx, ctx.DB, commits.Commit{SHA: "0123abcd", ProjectID: a.ProjectID, SessionID: a.SessionID, Version: &a.Version})
	})
	rt, err := convex.Open(t.Context(), convex.Config{Registry: r, Store: st, Streams: stream.New(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	if err := rt.RunMutation(t.Context(), "test:seed", struct{}{}, &ids); err != nil {
		t.Fatal(err)
	}
	return rt, seeded{ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]}
}

// Checkpoints could once be written and read by anybody who knew an id.
func TestCheckpointsAreTheOwners(t *testing.T) {
	t.Parallel()
	rt, ids := open(t)
	as := func(user string) convex.Caller {
		return rt.As(&function.Identity{Subject: user + "|s", Issuer: "test"})
	}
	args := func(more object) object {
		all := object{"sha": "0123abcd", "sessionId": ids.Session, "projectId": ids.Project, "message": "By hand", "messageId": ids.Row}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	const save = "commits:saveCheckpoint"
	if err := as(ids.Stranger).RunMutation(t.Context(), save, args(nil), nil); err == nil {
		t.Error("a stranger saved a checkpoint")
	}
	if err := as(ids.Owner).RunMutation(t.Context(), save, args(nil), nil); err != nil {
		t.Fatal(err)
	}
	if err := as(ids.Owner).RunMutation(t.Context(), save, args(object{"version": 2, "sessionId": ids.Other, "messageId": nil}), nil); err == nil {
		t.Error("null is taken for an id")
	}
	for words, bad := range map[string]object{
		"the hex name of a git commit":                      {"sha": "fatal: not a git repository"},
		"have at most":                                      {"message": strings.Repeat("m", 20<<10)},
		"stats and metadata, have at most":                  {"stats": object{"a": strings.Repeat("m", 9<<10)}, "metadata": strings.Repeat("m", 9<<10)},
		"The message belongs to another session":            {"sessionId": ids.Other},
		"The next checkpoint of this project has version 2": {"version": 1},
		"this project has version 2":                        {"version": 9},
	} {
		if err := as(ids.Owner).RunMutation(t.Context(), save, args(bad), nil); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v: %v, want %q", bad, err, words)
		}
	}
	if err := as(ids.Owner).RunMutation(t.Context(), save, args(object{"version": 2, "sha": "fedcba98"}), nil); err != nil {
		t.Fatal(err)
	}
	for _, list := range []struct {
		name string
		args object
	}{
		{"commits:listByProject", object{"projectId": ids.Project}},
		{"commits:listBySession", object{"sessionId": ids.Session}},
	} {
		var own, others []commits.Commit
		if err := as(ids.Owner).RunQuery(t.Context(), list.name, list.args, &own); err != nil {
			t.Fatal(err)
		}
		if len(own) != 2 || own[0].SHA != "fedcba98" || *own[0].Version != 2 || *own[1].Version != 1 {
			t.Errorf("%s: %+v", list.name, own)
		}
		if err := as(ids.Stranger).RunQuery(t.Context(), list.name, list.args, &others); err != nil || len(others) != 0 {
			t.Errorf("%s: a stranger sees %+v, %v", list.name, others, err)
		}
	}
}

// Whoever may write rows could once write them without end.
func TestCheckpointsByHandEnd(t *testing.T) {
	t.Parallel()
	rt, ids := open(t)
	owner := rt.As(&function.Identity{Subject: ids.Owner + "|s", Issuer: "test"})
	if err := rt.RunMutation(t.Context(), "test:version", object{"projectId": ids.Project, "sessionId": ids.Session, "version": 1999}, nil); err != nil {
		t.Fatal(err)
	}
	args := object{"sha": "0123abcd", "sessionId": ids.Session, "projectId": ids.Project}
	if err := owner.RunMutation(t.Context(), "commits:saveCheckpoint", args, nil); err != nil {
		t.Fatal(err)
	}
	if err := owner.RunMutation(t.Context(), "commits:saveCheckpoint", args, nil); err == nil || !strings.Contains(err.Error(), "2000 checkpoints already") {
		t.Errorf("one more: %v", err)
	}
}
