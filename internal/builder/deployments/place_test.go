package deployments_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/internal/builder/deployments"
	"surgent.dev/surgent/sandbox"
)

// built are sandboxes in which every build ends at once, with one page.
type built struct{ sandbox.Client }

func (built) Toolbox(string) sandbox.Toolbox { return builtTools{} }

type builtTools struct{ sandbox.Toolbox }

func (builtTools) WorkDir(context.Context) (string, error) { return "/work", nil }

func (builtTools) Execute(context.Context, sandbox.ExecRequest) (*sandbox.ExecResult, error) {
	return &sandbox.ExecResult{}, nil
}

func (builtTools) Download(context.Context, string) (io.ReadCloser, error) {
	const page = "the app"
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: "dist/index.html", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(page))}); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, page); err != nil {
		return nil, err
	}
	return io.NopCloser(&out), w.Close()
}

func (builtTools) DeleteFile(context.Context, string, bool) error { return nil }

func (builtTools) GetSession(context.Context, string) (*sandbox.Session, error) {
	return nil, sandbox.ErrNotFound
}
func (builtTools) CreateSession(context.Context, string) error { return nil }
func (builtTools) DeleteSession(context.Context, string) error { return nil }

func (builtTools) StartCommand(context.Context, string, string) (string, error) { return "1", nil }

func (builtTools) FollowLogs(context.Context, string, string, func(sandbox.Stream, []byte) error) error {
	return nil
}

func (builtTools) GetCommand(context.Context, string, string) (*sandbox.Command, error) {
	return &sandbox.Command{ID: "1", ExitCode: new(int)}, nil
}

// slow is a target that takes its time with some releases: it does nothing
// until it is let, whatever else is published meanwhile.
type slow struct {
	deploy.Target
	holds   func(rel *deploy.Release) bool
	reached chan struct{} // one for each release that is held
	let     chan struct{} // closed to let them go on
	done    chan error    // how each of them ended
}

func newSlow(holds func(rel *deploy.Release) bool) *slow {
	// Room for all that a test holds, so that none waits for the test.
	return &slow{holds: holds, reached: make(chan struct{}, 10), let: make(chan struct{}), done: make(chan error, 10)}
}

func (s *slow) Publish(ctx context.Context, rel *deploy.Release, progress deploy.Progress) (*deploy.Published, error) {
	if !s.holds(rel) {
		return s.Target.Publish(ctx, rel, progress)
	}
	s.reached <- struct{}{}
	<-s.let
	published, err := s.Target.Publish(ctx, rel, progress)
	s.done <- err
	return published, err
}

// newest waits until what says that the project's newest deployment is there.
func (p *place) newest(caller convex.Caller, project string, is func(d deployments.Deployment) bool) {
	p.t.Helper()
	var all []deployments.Deployment
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		p.must(caller.RunQuery(p.t.Context(), "deployments:listByProject", object{"projectId": project}, &all))
		if len(all) > 0 && is(all[0]) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the deployments are %+v", all)
		}
	}
}

func isLive(d deployments.Deployment) bool { return d.Status == deployments.Deployed }

// An owner takes an old name back while the redirect to the new one is still on
// its way to the target: in the end the app answers there.
func TestASlowRedirectDoesNotReplaceTheApp(t *testing.T) {
	t.Parallel()
	target := newSlow(func(rel *deploy.Release) bool { return rel.ID == "moved-first-second" })
	p := newPlaceOver(t, built{}, target)
	owner, project := p.project()
	ask := func(name string) {
		t.Helper()
		p.must(owner.RunMutation(t.Context(), "projects:deployProject", object{"projectId": project, "deployName": name}, nil))
	}
	for _, name := range []string{"first", "second"} {
		ask(name)
		p.newest(owner, project, isLive)
	}
	<-target.reached
	ask("first")
	p.newest(owner, project, func(d deployments.Deployment) bool {
		return isLive(d) || strings.Contains(d.Log, "Waiting until http://first.apps.example has settled.")
	})
	close(target.let)
	p.must(<-target.done)
	p.newest(owner, project, isLive)
	if got := p.visit("first", "/"); got != "the app" {
		t.Errorf("it answers %q", got)
	}
	p.becomes("second", "/x", "302 http://first.apps.example/x")
}

// A project is deleted while its app is on the way to the target, and the app
// of whoever has the name next is not touched by what is late.
func TestAnAppOfADeletedProjectDoesNotReplaceTheNext(t *testing.T) {
	t.Parallel()
	owned := ""
	target := newSlow(func(rel *deploy.Release) bool { return rel.ProjectID == owned })
	p := newPlaceOver(t, built{}, target)
	owner, project := p.project()
	owned = project
	stranger, theirs := p.project()
	p.must(owner.RunMutation(t.Context(), "projects:deployProject", object{"projectId": project, "deployName": "wanted"}, nil))
	<-target.reached
	p.must(p.rt.RunMutation(t.Context(), "test:delete", object{"projectId": project}, nil))
	if p.free(stranger, theirs, "wanted") {
		t.Error("the name is free while something is still published there")
	}
	close(target.let)
	if err := <-target.done; err != nil {
		t.Log(err) // well or not: nobody waits for it any longer
	}
	for deadline := time.Now().Add(30 * time.Second); !p.free(stranger, theirs, "wanted"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the name is not free")
		}
	}
	if got := p.visit("wanted", "/"); got != "404" {
		t.Errorf("the deleted project's app answers %q", got)
	}
	p.must(stranger.RunMutation(t.Context(), "projects:deployProject", object{"projectId": theirs, "deployName": "wanted"}, nil))
	p.newest(stranger, theirs, isLive)
	if got := p.visit("wanted", "/"); got != "the app" {
		t.Errorf("it answers %q", got)
	}
}
