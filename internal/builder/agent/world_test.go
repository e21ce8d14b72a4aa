package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/internal/builder/commits"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/builder/users"
	"surgent.dev/surgent/model"
	"surgent.dev/surgent/model/anthropic"
	"surgent.dev/surgent/model/modeltest"
	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/daytona"
	"surgent.dev/surgent/sandbox/toolbox"
)

type object = map[string]any

// patience is how long a test waits for what should come at once. It is long:
// a busy machine is no defect.
const patience = 2 * time.Minute

// world is a runtime on SQLite with the agent in it, a scripted model and a
// toolbox on a folder of this machine.
type world struct {
	t       testing.TB
	rt      *convex.Runtime
	api     *modeltest.Server
	client  sandbox.Client
	work    string // the project's folder
	data    string
	user    *function.Identity
	project projects.ID
	session sessions.ID
	stop    func() // ends the runtime and waits
}

// settings are what a test changes.
type settings struct {
	script  modeltest.Script
	model   model.Model // in place of the scripted one
	limits  agent.Limits
	secrets []string
	moment  func(string)
	asleep  bool              // the sandbox is not ready at first
	idle    time.Duration     // of the model's stream
	api     *modeltest.Config // in place of one with only the script
	modelID string
	broken  func(*http.Request) bool // breaks connections to the sandbox
}

// openToolbox serves a real toolbox on folders of a temporary directory.
func openToolbox(t testing.TB, dir string) (url string) {
	t.Helper()
	return openFaulty(t, dir, func(*http.Request) bool { return false })
}

// openFaulty is openToolbox with connections that break when broken says so.
func openFaulty(t testing.TB, dir string, broken func(*http.Request) bool) (url string) {
	t.Helper()
	for _, d := range []string{"home", "work", "state"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	server, err := toolbox.Open(t.Context(), toolbox.Config{
		Token: "key", Home: filepath.Join(dir, "home"), WorkDir: filepath.Join(dir, "work"), StateDir: filepath.Join(dir, "state"),
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	inner := http.StripPrefix("/toolbox/box-1", server.Handler())
	mux.HandleFunc("/toolbox/box-1/", func(w http.ResponseWriter, r *http.Request) {
		if broken(r) {
			panic(http.ErrAbortHandler)
		}
		inner.ServeHTTP(w, r)
	})
	web := httptest.NewServer(mux)
	t.Cleanup(func() {
		web.Close()
		server.Shutdown(context.WithoutCancel(t.Context()))
		server.Close()
	})
	return web.URL
}

func dial(url string) (sandbox.Client, error) {
	return daytona.New(daytona.Config{APIKey: "key", ServerURL: url + "/api", ToolboxURL: url + "/toolbox", Backoff: 5 * time.Millisecond})
}

// seed is the state of a project with a template's first commit.
func seed(t testing.TB, work string) {
	t.Helper()
	write(t, filepath.Join(work, "index.html"), "<h1>Hello</h1>\n")
	write(t, filepath.Join(work, ".gitignore"), "node_modules\n")
	sh(t, work, "git init -q -b main && git add -A && git -c user.name=T -c user.email=t@t commit -q -m Template")
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sh(t testing.TB, dir, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// parts are what a runtime is made of; the crash tests make it in a process of
// its own.
type parts struct {
	db      string
	data    string
	client  sandbox.Client
	model   model.Model
	limits  agent.Limits
	secrets []string
	moment  func(string)
	logger  *slog.Logger
}

func openRuntime(ctx context.Context, p parts) (*convex.Runtime, *agent.Service, func(), error) {
	declared, err := schema.New(concat(
		users.Tables(), templates.Tables(), projects.Tables(), sessions.Tables(), commits.Tables(), agent.Tables(),
	)...)
	if err != nil {
		return nil, nil, nil, err
	}
	st, err := sqlite.Open(ctx, sqlite.Config{Path: p.db, Schema: declared})
	if err != nil {
		return nil, nil, nil, err
	}
	hub := stream.New()
	svc, err := agent.New(agent.Config{
		Sandboxes: p.client, Model: p.model, Streams: hub, DataDir: p.data, Limits: p.limits,
		Secrets: p.secrets, Logger: p.logger, Moment: p.moment,
	})
	if err != nil {
		return nil, nil, nil, errors.Join(err, st.Close())
	}
	r := function.NewRegistry()
	sessions.Register(r, svc)
	commits.Register(r)
	svc.Register(r)
	// The sandbox's own life is another module's; here it is simply up.
	function.InternalAction(r, "projects:check", func(*function.ActionCtx, struct {
		ProjectID projects.ID `json:"projectId"`
	},
	) (any, error) {
		return nil, nil
	})
	function.InternalMutation(r, "test:seed", func(ctx *function.MutationCtx, a struct {
		Asleep bool `json:"asleep"`
	},
	) ([]string, error) {
		user, err := users.Users.Insert(ctx, ctx.DB, users.User{})
		if err != nil {
			return nil, err
		}
		box := "box-1"
		status := projects.Started
		if a.Asleep {
			status = projects.Starting
		}
		project, err := projects.Projects.Insert(ctx, ctx.DB, projects.Project{
			UserID: user, Name: "Test", SandboxID: &box, Sandbox: &projects.Sandbox{Status: status, IsInitialized: true},
		})
		if err != nil {
			return nil, err
		}
		session, err := sessions.Sessions.Insert(ctx, ctx.DB, sessions.Session{ProjectID: project})
		return []string{string(user), string(project), string(session)}, err
	})
	function.InternalMutation(r, "test:project", func(ctx *function.MutationCtx, a struct {
		UserID users.ID `json:"userId"`
	},
	) ([]string, error) {
		box := "box-1"
		project, err := projects.Projects.Insert(ctx, ctx.DB, projects.Project{
			UserID: a.UserID, Name: "Test", SandboxID: &box, Sandbox: &projects.Sandbox{Status: projects.Started, IsInitialized: true},
		})
		if err != nil {
			return nil, err
		}
		session, err := sessions.Sessions.Insert(ctx, ctx.DB, sessions.Session{ProjectID: project})
		return []string{string(project), string(session)}, err
	})
	function.InternalQuery(r, "test:open", func(ctx *function.QueryCtx, _ struct{}) (int, error) {
		n := 0
		for _, status := range []agent.Status{agent.Queued, agent.Running, agent.Waiting} {
			runs, err := agent.Runs.Query(ctx.DB, "by_status", status).All(ctx)
			if err != nil {
				return 0, err
			}
			n += len(runs)
		}
		return n, nil
	})
	function.InternalMutation(r, "test:wake", func(ctx *function.MutationCtx, a struct {
		ProjectID projects.ID `json:"projectId"`
	},
	) (any, error) {
		return nil, projects.Projects.Patch(ctx, ctx.DB, a.ProjectID, value.Object{
			"sandbox": projects.Sandbox{Status: projects.Started, IsInitialized: true},
		})
	})
	function.InternalMutation(r, "test:delete", func(ctx *function.MutationCtx, a struct {
		ProjectID projects.ID `json:"projectId"`
	},
	) (any, error) {
		p, err := projects.Projects.Get(ctx, ctx.DB, a.ProjectID)
		if err != nil {
			return nil, err
		}
		if err := svc.Deleted(ctx, p); err != nil {
			return nil, err
		}
		return nil, projects.Projects.Delete(ctx, ctx.DB, a.ProjectID)
	})
	function.InternalMutation(r, "test:purge", func(ctx *function.MutationCtx, a struct {
		ProjectID string `json:"projectId"`
	},
	) (bool, error) {
		return svc.Purge(ctx, projects.ID(a.ProjectID), 1)
	})
	function.InternalQuery(r, "test:runs", func(ctx *function.QueryCtx, _ struct{}) ([]agent.Run, error) {
		return agent.Runs.Query(ctx.DB, "").All(ctx)
	})
	function.InternalQuery(r, "test:dump", func(ctx *function.QueryCtx, _ struct{}) ([]any, error) {
		all := []any{}
		for _, table := range []string{"runs", "runSteps", "toolCalls", "sessionMessages", "commits", "sessions"} {
			docs, err := scan(ctx, table)
			if err != nil {
				return nil, err
			}
			all = append(all, docs...)
		}
		return all, nil
	})
	rt, err := convex.Open(ctx, convex.Config{Registry: r, Store: st, Streams: hub, Logger: p.logger})
	if err != nil {
		return nil, nil, nil, errors.Join(err, st.Close())
	}
	return rt, svc, func() { _ = st.Close() }, nil
}

func concat(lists ...[]schema.Table) []schema.Table {
	var out []schema.Table
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// run serves the runtime and the agent's watch until the returned function is
// called.
func run(ctx context.Context, rt *convex.Runtime, svc *agent.Service) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	errs := make([]error, 2)
	wg.Go(func() { errs[0] = rt.Run(ctx) })
	wg.Go(func() { errs[1] = svc.Run(ctx, rt) })
	return func() error {
		cancel()
		wg.Wait()
		return errors.Join(errs...)
	}
}

func newWorld(t testing.TB, set settings) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, work: filepath.Join(dir, "work"), data: filepath.Join(dir, "data")}
	if set.broken == nil {
		set.broken = func(*http.Request) bool { return false }
	}
	box := openFaulty(t, dir, set.broken)
	seed(t, w.work)
	var err error
	if w.client, err = dial(box); err != nil {
		t.Fatal(err)
	}
	if set.api == nil {
		set.api = &modeltest.Config{Script: set.script}
	}
	w.api = modeltest.New(*set.api)
	if set.model == nil {
		web := httptest.NewServer(w.api)
		t.Cleanup(web.Close)
		set.model = claude(t, web.URL, set.idle, set.modelID)
	}
	if set.limits.Backoff == 0 {
		set.limits.Backoff = 20 * time.Millisecond
	}
	rt, svc, closeStore, err := openRuntime(t.Context(), parts{
		db: filepath.Join(dir, "db"), data: w.data, client: w.client, model: set.model, limits: set.limits,
		secrets: set.secrets, moment: set.moment, logger: logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.rt = rt
	stopRun := run(context.WithoutCancel(t.Context()), rt, svc)
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			if err := stopRun(); err != nil {
				t.Errorf("runtime: %v", err)
			}
			closeStore()
		})
	}
	t.Cleanup(w.stop)
	w.seed(set.asleep)
	return w
}

func (w *world) seed(asleep bool) {
	w.t.Helper()
	var ids []string
	if err := w.rt.RunMutation(w.t.Context(), "test:seed", object{"asleep": asleep}, &ids); err != nil {
		w.t.Fatal(err)
	}
	w.user = &function.Identity{Subject: ids[0] + "|session", Issuer: "test"}
	w.project, w.session = projects.ID(ids[1]), sessions.ID(ids[2])
}

// userID returns the project's owner.
func (w *world) userID() string {
	id, _, _ := strings.Cut(w.user.Subject, "|")
	return id
}

func claude(t testing.TB, url string, idle time.Duration, id string) model.Model {
	t.Helper()
	m, err := anthropic.New(anthropic.Config{APIKey: modeltest.DefaultKey, BaseURL: url, IdleTimeout: idle, Model: id})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func logger(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil { // after the test's end nobody may log
		w.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

// ask sends a prompt as the project's owner.
func (w *world) ask(prompt string) { w.askIn(w.session, prompt, "code") }

func (w *world) askIn(id sessions.ID, prompt, mode string) {
	w.t.Helper()
	args := object{"projectId": w.project, "sessionId": id, "prompt": prompt, "mode": mode}
	if err := w.rt.As(w.user).RunMutation(w.t.Context(), "sessions:createMessageAndRunAgent", args, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stopAgent() {
	w.t.Helper()
	if err := w.rt.As(w.user).RunMutation(w.t.Context(), "sessions:stopAgent", object{"sessionId": w.session}, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) runs() []agent.Run {
	w.t.Helper()
	var out []agent.Run
	if err := w.rt.RunQuery(w.t.Context(), "test:runs", struct{}{}, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) views() []agent.RunView {
	w.t.Helper()
	var out []agent.RunView
	if err := w.rt.As(w.user).RunQuery(w.t.Context(), "runs:listBySession", object{"sessionId": w.session}, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// until waits until ok says so; it looks every few milliseconds, because what
// it waits for is a document that others write.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s; runs: %s", what, w.states())
		}
		time.Sleep(3 * time.Millisecond)
	}
}

// states tells the runs in short.
func (w *world) states() string {
	var b strings.Builder
	for _, r := range w.runs() {
		fmt.Fprintf(&b, "%s %s step %d reason %q error %+v activity %+v; ", r.Subject, r.Status, r.Step, r.Reason, r.Error, r.Activity)
	}
	return b.String()
}

// ended waits for n runs to end and returns all.
func (w *world) ended(n int) []agent.Run {
	w.t.Helper()
	var runs []agent.Run
	w.until(fmt.Sprintf("%d ended runs", n), func() bool {
		runs = w.runs()
		done := 0
		for _, r := range runs {
			if !r.Open() {
				done++
			}
		}
		return done >= n
	})
	return runs
}

// sound checks what must hold of every world at rest: the API refused nothing,
// and each ended run has one result row.
func (w *world) sound() {
	w.t.Helper()
	if got := w.api.Refusals(); len(got) > 0 {
		w.t.Errorf("the model API refused requests: %q", got)
	}
	per := map[string]int{}
	for _, r := range w.rows() {
		if m, ok := r.Raw.(object); ok && m["type"] == "result" {
			per[r.RunID]++
		}
	}
	for _, r := range w.runs() {
		want := 1
		if r.Open() {
			want = 0
		}
		if r.SessionID == w.session && per[string(r.ID)] != want {
			w.t.Errorf("run %s (%s) has %d result rows, want %d", r.ID, r.Status, per[string(r.ID)], want)
		}
	}
}

// file returns a file of the project, "" when it is not there.
func (w *world) file(name string) string {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.work, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return string(raw)
}

func dump(t testing.TB, rt *convex.Runtime) string {
	t.Helper()
	var docs []any
	if err := rt.RunQuery(t.Context(), "test:dump", struct{}{}, &docs); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(docs)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
