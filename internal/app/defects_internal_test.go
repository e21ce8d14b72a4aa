package app

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/deployments"
	"surgent.dev/surgent/internal/builder/projects"
)

// The tests of this file each hold off a mistake that builders of this kind
// have shipped with; the comment before a test says what went wrong there.

// A project without a template crashed; the limit was checked apart from the
// insert.
func TestAProjectWithoutATemplateTakesTheDefaultOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.signUp(t)
	id, _ := p.project(t, "  Todo \n list ")
	var got struct {
		Name     string         `json:"name"`
		Metadata map[string]any `json:"metadata"`
		Sandbox  map[string]any `json:"sandbox"`
	}
	p.must(t, "query", "projects:getProject", obj{"projectId": id}, &got)
	if got.Name != "Todo list" || got.Metadata["templateSlug"] != "web-app" || got.Sandbox["isInitialized"] != false {
		t.Errorf("got %+v", got)
	}
	var templates []struct {
		ID   string `json:"_id"`
		Slug string `json:"slug"`
		Repo string `json:"repoUrl"`
	}
	p.must(t, "query", "projects:listTemplates", nil, &templates)
	if len(templates) < 2 || templates[0].Slug != "web-app" || templates[0].Repo != "embedded:web-app" {
		t.Fatalf("templates %+v", templates)
	}
	// The caller's metadata was overwritten.
	var mine string
	p.must(t, "mutation", "projects:createProject", obj{"name": "B", "templateId": templates[1].ID, "metadata": obj{"mine": true}}, &mine)
	p.must(t, "query", "projects:getProject", obj{"projectId": mine}, &got)
	if got.Metadata["mine"] != true || got.Metadata["templateSlug"] != templates[1].Slug {
		t.Errorf("metadata %+v", got.Metadata)
	}
	p.refused(t, "mutation", "projects:createProject", obj{"name": " "}, "needs a name", "")
	p.refused(t, "mutation", "projects:createProject", obj{"name": strings.Repeat("x", 81)}, "at most 80", "")
	p.refused(t, "mutation", "projects:createProject", obj{"name": "C", "templateId": "nonsense"}, "ArgumentValidationError", "")
}

func TestTheLimitHoldsUnder100ParallelCreates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.guest(t)
	var wg sync.WaitGroup
	made := make(chan string, 100)
	for i := range 100 {
		wg.Go(func() {
			raw, failed := p.call(t, "mutation", "projects:createProject", obj{"name": fmt.Sprint("P", i)})
			switch {
			case failed == nil:
				made <- string(raw)
			case !strings.Contains(failed.text, "Project limit reached: maximum 3 projects per user") || failed.data["code"] != "quota":
				t.Errorf("failed with %q %v", failed.text, failed.data)
			}
		})
	}
	wg.Wait()
	if len(made) != 3 {
		t.Errorf("%d projects were made", len(made))
	}
	var list []struct {
		ID string `json:"_id"`
	}
	p.must(t, "query", "projects:listProjects", nil, &list)
	if len(list) != 3 {
		t.Fatalf("%d projects are listed", len(list))
	}
	p.must(t, "mutation", "projects:deleteProject", obj{"projectId": list[0].ID}, nil)
	p.project(t, "In its place")
}

// A sandbox that failed was marked ready, with no reason and no way on.
func TestAFailedSandboxSaysWhyAndCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.guest(t)
	id, session := p.project(t, "Broken")
	var got struct {
		Sandbox struct {
			Status        string `json:"status"`
			IsInitialized bool   `json:"isInitialized"`
			Error         string `json:"error"`
		} `json:"sandbox"`
	}
	failed := func() bool {
		p.must(t, "query", "projects:getProject", obj{"projectId": id}, &got)
		return got.Sandbox.Status == "error"
	}
	eventually(t, "the sandbox fails", failed)
	if got.Sandbox.IsInitialized || !strings.Contains(got.Sandbox.Error, "sandbox server") {
		t.Errorf("sandbox %+v", got.Sandbox)
	}
	// Neither a prompt nor "Try again" fails for a broken sandbox.
	var project struct {
		Sandbox struct {
			Status string `json:"status"`
		} `json:"sandbox"`
	}
	p.must(t, "mutation", "projects:activateProject", obj{"projectId": id}, &project)
	if project.Sandbox.Status != "starting" {
		t.Errorf("activateProject answered the status %s", project.Sandbox.Status)
	}
	eventually(t, "it fails again", failed)
	p.must(t, "mutation", "sessions:createMessageAndRunAgent", obj{"projectId": id, "sessionId": session, "prompt": "hello"}, nil)
	p.refused(t, "action", "files:listFiles", obj{"projectId": id}, "Sandbox not found", "not_found")
}

// One could take over the app of another, and names were not checked.
func TestNamesBelongToOneProject(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, q := b.guest(t), b.guest(t)
	mine, _ := p.project(t, "Mine")
	theirs, _ := q.project(t, "Theirs")
	var check struct {
		OK     bool   `json:"ok"`
		Name   string `json:"name"`
		URL    string `json:"url"`
		Reason string `json:"reason"`
	}
	p.must(t, "query", "deployments:checkName", obj{"projectId": mine, "name": "My Todo_List!"}, &check)
	if !check.OK || check.Name != "my-todo-list" || check.URL != "http://my-todo-list."+b.config.Domain {
		t.Errorf("got %+v", check)
	}
	p.must(t, "mutation", "projects:deployProject", obj{"projectId": mine, "deployName": "My Todo_List!"}, nil)
	q.must(t, "query", "deployments:checkName", obj{"projectId": theirs, "name": "my-todo-list"}, &check)
	if check.OK || check.Reason != "taken" {
		t.Errorf("got %+v", check)
	}
	q.refused(t, "mutation", "projects:deployProject", obj{"projectId": theirs, "deployName": "my-todo-list"}, "Taken.", "name_taken")
	q.refused(t, "mutation", "projects:deployProject", obj{"projectId": theirs, "deployName": "admin"}, "Reserved.", "name_reserved")
	q.refused(t, "mutation", "projects:deployProject", obj{"projectId": theirs, "deployName": "preview-1"}, "Reserved.", "name_reserved")
	q.refused(t, "mutation", "projects:deployProject", obj{"projectId": theirs, "deployName": "3000-box"}, "Letters, digits", "name_bad")
	q.refused(t, "mutation", "projects:deployProject", obj{"projectId": theirs, "deployName": "!!"}, "Letters, digits", "name_bad")

	// A deployment that can't go on ends, with a reason.
	var list []struct {
		Status string `json:"status"`
		Error  string `json:"error"`
	}
	eventually(t, "the deployment ends", func() bool {
		p.must(t, "query", "deployments:listByProject", obj{"projectId": mine}, &list)
		return len(list) == 1 && list[0].Status == "deploy_failed"
	})
	if list[0].Error == "" {
		t.Error("no reason is given")
	}
	// Deleting the project frees its name.
	p.must(t, "mutation", "projects:deleteProject", obj{"projectId": mine}, nil)
	eventually(t, "the name is free", func() bool {
		q.must(t, "query", "deployments:checkName", obj{"projectId": theirs, "name": "my-todo-list"}, &check)
		return check.OK
	})
}

// A crash in the middle left "building" for ever, and the page hid Deploy.
func TestACrashLeavesNoDeploymentHanging(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	b := startBenchAt(t, dir, addr)
	p := b.guest(t)
	id, _ := p.project(t, "Cut off")
	// As a server leaves it that is killed while it builds.
	if _, err := b.store.Update(t.Context(), func(tx store.Transaction) error {
		_, err := deployments.Deployments.Insert(t.Context(), store.NewWriter(b.store, tx), deployments.Deployment{
			ProjectID: projects.ID(id), Name: "cut-off", Status: deployments.Building, Log: "$ vite build\n",
			StartedAt: 1, Steps: []projects.Step{}, Owner: "a dead process", Until: 1e15,
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	b.down()
	p.b = startBenchAt(t, dir, addr)
	var list []struct {
		Status string `json:"status"`
		Log    string `json:"log"`
		Error  string `json:"error"`
	}
	eventually(t, "it ends", func() bool {
		p.must(t, "query", "deployments:listByProject", obj{"projectId": id}, &list)
		return len(list) == 1 && list[0].Status == "deploy_failed"
	})
	if !strings.HasPrefix(list[0].Log, "$ vite build\nPicked up after a restart.\n") || list[0].Error == "" {
		t.Errorf("it ended as %+v", list[0])
	}
}

// Any guest could keep a sandbox running for ever.
func TestGuestsCannotKeepASandboxRunning(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := b.guest(t)
	id, _ := g.project(t, "Guest's")
	g.refused(t, "mutation", "projects:setProjectSandboxRunIndefinitely", obj{"projectId": id}, "Guests", "forbidden")

	// Who has an account may, before the sandbox is there too.
	p := b.signUp(t)
	mine, _ := p.project(t, "Kept")
	p.must(t, "mutation", "projects:setProjectSandboxRunIndefinitely", obj{"projectId": mine}, nil)
	eventually(t, "it is noted", func() bool {
		var got struct{ Sandbox struct{ Deployed bool } }
		p.must(t, "query", "projects:getProject", obj{"projectId": mine}, &got)
		return got.Sandbox.Deployed
	})
}

func TestPromptsAndSessions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.guest(t)
	id, session := p.project(t, "Chat")
	other, _ := p.project(t, "Other")
	send := func(more ...any) obj {
		return with(obj{"projectId": id, "sessionId": session, "prompt": "build a todo list"}, more)
	}
	p.refused(t, "mutation", "sessions:createMessageAndRunAgent", send("prompt", " \n"), "needs some text", "")
	p.refused(t, "mutation", "sessions:createMessageAndRunAgent", send("projectId", other), "another project", "")
	p.refused(t, "mutation", "sessions:createMessageAndRunAgent", send("mode", "yolo"), "ArgumentValidationError", "")
	// The model's name went into a shell line.
	p.refused(t, "mutation", "sessions:createMessageAndRunAgent", send("model", "x; rm -rf /"), "no model's name", "")
	var answer struct {
		SessionID string `json:"sessionId"`
	}
	p.must(t, "mutation", "sessions:createMessageAndRunAgent", send(), &answer)
	var rows []struct {
		Role  string `json:"role"`
		Raw   any    `json:"raw"`
		RunID string `json:"runId"`
	}
	p.must(t, "query", "sessions:listMessagesBySession", obj{"sessionId": session}, &rows)
	if answer.SessionID != session || len(rows) != 1 || rows[0].Role != "user" || rows[0].Raw != "build a todo list" || rows[0].RunID == "" {
		t.Errorf("answer %v, rows %+v", answer, rows)
	}
	p.must(t, "mutation", "sessions:stopAgent", obj{"sessionId": session}, nil)
	p.must(t, "mutation", "sessions:renameSession", obj{"sessionId": session, "title": " First  version "}, nil)
	var s struct {
		Title string `json:"title"`
	}
	p.must(t, "query", "sessions:getSession", obj{"sessionId": session}, &s)
	if s.Title != "First version" {
		t.Errorf("title %q", s.Title)
	}
	var second string
	p.must(t, "mutation", "sessions:createSession", obj{"projectId": id, "title": ""}, &second)
	var stats struct {
		SessionCount int `json:"sessionCount"`
		CommitCount  int `json:"commitCount"`
	}
	p.must(t, "query", "projects:getProjectStats", obj{"projectId": id}, &stats)
	if stats.SessionCount != 2 || stats.CommitCount != 0 {
		t.Errorf("stats %+v", stats)
	}
	p.must(t, "mutation", "commits:saveCheckpoint", obj{"projectId": id, "sessionId": second, "sha": "0123abc", "message": "By hand"}, nil)
	p.refused(t, "mutation", "commits:saveCheckpoint", obj{"projectId": id, "sessionId": second, "sha": "fatal: not a git repository"}, "sha", "")
	var list []struct {
		SHA     string  `json:"sha"`
		Version float64 `json:"version"`
	}
	p.must(t, "query", "commits:listByProject", obj{"projectId": id}, &list)
	if len(list) != 1 || list[0].Version != 1 {
		t.Errorf("checkpoints %+v", list)
	}
	p.must(t, "mutation", "sessions:deleteSession", obj{"sessionId": session}, nil)
	raw, _ := p.call(t, "query", "sessions:getSession", obj{"sessionId": session})
	if string(raw) != "null" {
		t.Errorf("a deleted session reads %s", raw)
	}
	p.refused(t, "mutation", "sessions:renameSession", obj{"sessionId": session, "title": "x"}, "Session not found", "not_found")
}

func TestDeletingAProjectRemovesItEverywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.guest(t)
	id, session := p.project(t, "Gone soon")
	for range 3 {
		p.must(t, "mutation", "sessions:createMessageAndRunAgent", obj{"projectId": id, "sessionId": session, "prompt": "hi"}, nil)
	}
	p.must(t, "mutation", "projects:deleteProject", obj{"projectId": id}, nil)
	for path, args := range map[string]obj{"projects:getProject": {"projectId": id}, "sessions:getSession": {"sessionId": session}} {
		if raw, _ := p.call(t, "query", path, args); string(raw) != "null" {
			t.Errorf("%s reads %s", path, raw)
		}
	}
	p.refused(t, "mutation", "projects:renameProject", obj{"projectId": id, "name": "x"}, "Project not found", "not_found")
	eventually(t, "its rows are gone", func() bool {
		left := 0
		for _, table := range []string{"sessions", "sessionMessages", "runs"} {
			left += b.count(t, table)
		}
		return left == 0
	})
}

func TestRenameAndPublic(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.guest(t)
	var id string
	p.must(t, "mutation", "projects:createProject", obj{"name": "A", "settings": obj{"theme": "x"}}, &id)
	p.must(t, "mutation", "projects:renameProject", obj{"projectId": id, "name": "B"}, nil)
	p.must(t, "mutation", "projects:setPublic", obj{"projectId": id, "public": true}, nil)
	var got struct {
		Name     string         `json:"name"`
		Settings map[string]any `json:"settings"`
	}
	p.must(t, "query", "projects:getProject", obj{"projectId": id}, &got)
	if got.Name != "B" || got.Settings["public"] != true || got.Settings["theme"] != "x" {
		t.Errorf("got %+v", got)
	}
}

func TestARestartKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var id string
	t.Run("first", func(t *testing.T) { //nolint:paralleltest // the second needs the first
		id, _ = startBench(t, dir).guest(t).project(t, "Stays")
	})
	b := startBench(t, dir)
	if p, n := b.count(t, "projects"), b.count(t, "templates"); p != 1 || n != 2 {
		t.Errorf("%d projects, %d templates", p, n)
	}
	var found struct {
		Name string `json:"name"`
	}
	if err := b.runtime.RunQuery(t.Context(), "projects:find", obj{"projectId": id}, &found); err != nil || found.Name != "Stays" {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestClientConfig(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var c struct {
		Demo      bool     `json:"demo"`
		Providers []string `json:"providers"`
		Domain    string   `json:"domain"`
		Limits    struct {
			Projects int `json:"projects"`
		} `json:"limits"`
	}
	b.anonymous().must(t, "query", "config:client", nil, &c)
	if !c.Demo || c.Limits.Projects != 3 || c.Domain != b.config.Domain || len(c.Providers) != 1 {
		t.Errorf("got %+v", c)
	}
}

func TestPagesAndStrangeHosts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for host, want := range map[string]int{b.config.Domain: 200, "nobody." + b.config.Domain: 404, "3000-none." + b.config.Domain: 403, "evil.example": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
		}
	}
}

// count returns the number of documents in a table.
func (b *bench) count(t *testing.T, table string) int {
	t.Helper()
	n := 0
	err := b.store.View(t.Context(), func(s store.Snapshot) error {
		docs, err := s.Scan(t.Context(), store.Scan{Table: table})
		n = len(docs)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// eventually waits for something that a job does.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !check(); time.Sleep(25 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
