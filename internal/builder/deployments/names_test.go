package deployments_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/deploy/workerd"
	"surgent.dev/surgent/internal/builder/commits"
	"surgent.dev/surgent/internal/builder/deployments"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/builder/users"
	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/daytona"
)

type object = map[string]any

// place is a runtime with this module over a target on this machine. Without
// sandboxes, what a build would leave is published by the test itself.
type place struct {
	t      *testing.T
	rt     *convex.Runtime
	target *workerd.Target

	mu  sync.Mutex
	now time.Time
}

func newPlace(t *testing.T) *place {
	t.Helper()
	nowhere, err := daytona.New(daytona.Config{APIKey: "key", ServerURL: "http://127.0.0.1:1/api"})
	if err != nil {
		t.Fatal(err)
	}
	return newPlaceOver(t, nowhere, nil)
}

// newPlaceOver makes a place with these sandboxes. between, if any, stands
// between the module and the target.
func newPlaceOver(t *testing.T, boxes sandbox.Client, between *slow) *place {
	t.Helper()
	p := &place{t: t, now: time.Now()}
	dir := t.TempDir()
	declared, err := schema.New(append(append(append(append(append(users.Tables(), templates.Tables()...),
		projects.Tables()...), sessions.Tables()...), commits.Tables()...), deployments.Tables()...)...)
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "db"), Schema: declared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	blobs, err := release.OpenBlobs(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	url := func(name string) string { return "http://" + name + ".apps.example" }
	if p.target, err = workerd.Open(workerd.Config{Dir: filepath.Join(dir, "apps"), Blobs: blobs, URL: url}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.target.Close)
	var target deploy.Target = p.target
	if between != nil {
		between.Target = p.target
		target = between
	}
	logger := slog.New(slog.DiscardHandler)
	r := function.NewRegistry()
	if err := deployments.Register(r, deployments.Config{Sandboxes: boxes, Target: target, Blobs: blobs, AppURL: url, Logger: logger}); err != nil {
		t.Fatal(err)
	}
	registerTests(r)
	p.rt, err = convex.Open(t.Context(), convex.Config{Registry: r, Store: st, Streams: stream.New(), Logger: logger, Now: p.clock})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1) // one send, by the goroutine below
	go func() { ended <- p.rt.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return p
}

// registerTests adds what the tests set up and look at.
func registerTests(r *function.Registry) {
	function.InternalMutation(r, "test:project", func(ctx *function.MutationCtx, _ struct{}) ([]string, error) {
		user, err := users.Users.Insert(ctx, ctx.DB, users.User{})
		if err != nil {
			return nil, err
		}
		box := "box-1"
		id, err := projects.Projects.Insert(ctx, ctx.DB, projects.Project{
			UserID: user, Name: "Test", SandboxID: &box, Sandbox: &projects.Sandbox{Status: projects.Started, IsInitialized: true},
		})
		return []string{string(user), string(id)}, err
	})
	// A deployment that is about to end well, with its name claimed.
	function.InternalMutation(r, "test:uploading", func(ctx *function.MutationCtx, a struct {
		ProjectID projects.ID `json:"projectId"`
		Name      string      `json:"name"`
	},
	) (string, error) {
		id, err := deployments.Deployments.Insert(ctx, ctx.DB, deployments.Deployment{
			ProjectID: a.ProjectID, Name: a.Name, Status: deployments.Uploading, Steps: []projects.Step{}, Owner: "me", Until: 1e15,
		})
		return string(id), err
	})
	function.InternalQuery(r, "projects:find", func(ctx *function.QueryCtx, a struct {
		ProjectID projects.ID `json:"projectId"`
	},
	) (*projects.Project, error) {
		return projects.Projects.Get(ctx, ctx.DB, a.ProjectID)
	})
	// The sandbox's own life is another module's.
	function.InternalAction(r, "projects:check", func(*function.ActionCtx, struct {
		ProjectID projects.ID `json:"projectId"`
	},
	) (any, error) {
		return nil, nil
	})
	function.InternalMutation(r, "test:delete", func(ctx *function.MutationCtx, a struct {
		ProjectID projects.ID `json:"projectId"`
	},
	) (any, error) {
		p, err := projects.Projects.Get(ctx, ctx.DB, a.ProjectID)
		if err != nil {
			return nil, err
		}
		if err := deployments.Deleted(ctx, p); err != nil {
			return nil, err
		}
		return nil, projects.Projects.Delete(ctx, ctx.DB, a.ProjectID)
	})
}

func (p *place) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *place) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// project makes somebody's project and returns who may deploy it.
func (p *place) project() (convex.Caller, string) {
	p.t.Helper()
	var ids []string
	p.must(p.rt.RunMutation(p.t.Context(), "test:project", nil, &ids))
	return p.rt.As(&function.Identity{Subject: ids[0] + "|session"}), ids[1]
}

// deploy makes an app live under a name, as the job at its end does.
func (p *place) deploy(owner convex.Caller, project, name string) {
	p.t.Helper()
	p.must(owner.RunMutation(p.t.Context(), "projects:deployProject", object{"projectId": project, "deployName": name}, nil))
	var id string
	p.must(p.rt.RunMutation(p.t.Context(), "test:uploading", object{"projectId": project, "name": name}, &id))
	rel := deploytest.App(id, name, "", map[string]string{"/index.html": "this is " + name})
	rel.ProjectID = project
	_, err := p.target.Publish(p.t.Context(), rel, nil)
	p.must(err)
	var still bool
	p.must(p.rt.RunMutation(p.t.Context(), "deployments:finish", object{"deploymentId": id, "owner": "me", "status": "deployed"}, &still))
	if !still {
		p.t.Fatal("the deployment was lost")
	}
}

// visit says what an address answers: its status and where it leads, or what
// it shows.
func (p *place) visit(name, path string) string {
	p.t.Helper()
	r := httptest.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+name+".apps.example"+path, http.NoBody)
	w := httptest.NewRecorder()
	p.target.ServeApp(name, w, r)
	if to := w.Header().Get("Location"); to != "" {
		return fmt.Sprint(w.Code, " ", to)
	}
	if w.Code != http.StatusOK {
		return fmt.Sprint(w.Code)
	}
	return w.Body.String()
}

func (p *place) becomes(name, path, want string) {
	p.t.Helper()
	var got string
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if got = p.visit(name, path); got == want {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s%s: %q, want %q", name, path, got, want)
		}
	}
}

func (p *place) free(caller convex.Caller, project, name string) bool {
	p.t.Helper()
	var check struct {
		OK bool `json:"ok"`
	}
	p.must(caller.RunQuery(p.t.Context(), "deployments:checkName", object{"projectId": project, "name": name}, &check))
	return check.OK
}

// Renaming is no way to collect names: of six old addresses one is given up.
func TestRenamingHoldsFewNames(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	owner, project := p.project()
	stranger, theirs := p.project()
	for i := range 7 {
		p.deploy(owner, project, fmt.Sprintf("name-%d", i))
		p.pass(time.Minute)
	}
	// Which one goes depends on when each was left: an older deployment that is
	// still on its way holds its name for longer.
	settled := func() (leading, free int) {
		for i := range 6 {
			name := fmt.Sprintf("name-%d", i)
			if strings.HasPrefix(p.visit(name, "/"), "302 ") {
				leading++
			} else if p.visit(name, "/") == "404" && p.free(stranger, theirs, name) {
				free++
			}
		}
		return leading, free
	}
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		leading, free := settled()
		if leading == 5 && free == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d old addresses lead on and %d are free, want 5 and 1", leading, free)
		}
	}
	p.becomes("name-6", "/", "this is name-6")
}

// A renamed app's old address leads to the new one for a week, is nobody
// else's until then, and free afterwards.
func TestOldAddressLeadsToTheNew(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	owner, project := p.project()
	stranger, theirs := p.project()
	p.deploy(owner, project, "first")
	if got := p.visit("first", "/"); got != "this is first" {
		t.Errorf("it answers %q", got)
	}
	p.deploy(owner, project, "second")
	p.becomes("first", "/a/b?x=1", "302 http://second.apps.example/a/b?x=1")
	p.becomes("first", "/", "302 http://second.apps.example/")
	if !p.free(owner, project, "first") || p.free(stranger, theirs, "first") {
		t.Error("the old name is not its project's alone")
	}
	// Before its time nothing ends it.
	p.must(p.rt.RunMutation(t.Context(), "deployments:expire", object{"name": "first"}, nil))
	p.becomes("first", "/", "302 http://second.apps.example/")
	// Wanted back, it is the app's again, and stays so.
	p.deploy(owner, project, "first")
	p.becomes("second", "/x", "302 http://first.apps.example/x")
	p.pass(8 * 24 * time.Hour)
	p.must(p.rt.RunMutation(t.Context(), "deployments:expire", object{"name": "first"}, nil))
	if got := p.visit("first", "/"); got != "this is first" {
		t.Errorf("it answers %q", got)
	}
	p.must(p.rt.RunMutation(t.Context(), "deployments:expire", object{"name": "second"}, nil))
	p.becomes("second", "/x", "404")
	for deadline := time.Now().Add(30 * time.Second); !p.free(stranger, theirs, "second"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the old name is not free after its time")
		}
	}
	// With the project all of its addresses go.
	p.deploy(owner, project, "third")
	p.becomes("first", "/", "302 http://third.apps.example/")
	p.must(p.rt.RunMutation(t.Context(), "test:delete", object{"projectId": project}, nil))
	p.becomes("first", "/", "404")
	p.becomes("third", "/", "404")
}

// Many projects want one name at once: one gets it, the others are told.
func TestOneOfManyGetsAName(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	const crowd = 12
	answers := make(chan error, crowd) // one from each
	for range crowd {
		owner, project := p.project()
		go func() {
			answers <- owner.RunMutation(t.Context(), "projects:deployProject", object{"projectId": project, "deployName": "wanted"}, nil)
		}()
	}
	won := 0
	for range crowd {
		switch err := <-answers; {
		case err == nil:
			won++
		case !strings.Contains(err.Error(), "Taken."):
			t.Errorf("one was told %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d projects have the name", won)
	}
}
