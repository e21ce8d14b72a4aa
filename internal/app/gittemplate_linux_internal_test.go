package app

import (
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/templates"
)

// A template row with a git address is cloned for real: from git's own HTTP
// server, which stands where the engine's way out leads for a git host. A
// failed clone or script was swallowed, and the empty project marked ready.
func TestATemplateFromGit(t *testing.T) { //nolint:paralleltest // it sets the host's proxy
	repos := t.TempDir()
	t.Setenv("HTTP_PROXY", gitHost(t, repos))
	b := realBench(t, map[string]string{})
	p := b.guest(t)

	branch, script, start := "app", "sh init.sh", "node server.js"
	var template templates.ID
	if _, err := b.store.Update(t.Context(), func(tx store.Transaction) (err error) {
		template, err = templates.Templates.Insert(t.Context(), store.NewWriter(b.store, tx), templates.Template{
			Slug: "from-git", Name: "From git", RepoURL: "http://github.com/someone/app.git",
			Branch: &branch, InitScript: &script, StartCommand: &start,
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var project string
	p.must(t, "mutation", "projects:createProject", obj{"name": "Cloned", "templateId": template}, &project)
	fails := func(want string) {
		t.Helper()
		var x box
		eventually(t, "it fails", func() bool { x = p.box(t, project); return x.Sandbox.Status == "error" })
		if x.Sandbox.IsInitialized || !strings.Contains(x.Sandbox.Error, want) || strings.Contains(x.Sandbox.Error, "\n") {
			t.Errorf("it failed with %q, want %q", x.Sandbox.Error, want)
		}
		p.must(t, "mutation", "projects:activateProject", obj{"projectId": project}, nil)
	}
	bare := filepath.Join(repos, "someone", "app.git")
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=T", "-c", "user.email=t@t.test"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v %s", args, err, out)
		}
	}
	push := func(init string) {
		t.Helper()
		work := t.TempDir()
		for name, text := range map[string]string{
			"server.js": `require("node:http").createServer((q, s) => s.end(require("node:fs").readFileSync("made.txt"))).listen(3000)`,
			"init.sh":   init,
		} {
			if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		git("init", "-q", "-b", "app", work)
		git("-C", work, "add", "-A")
		git("-C", work, "commit", "-q", "-m", "App")
		git("-C", work, "push", "-q", "-f", bare, "app")
	}
	fails("couldn't be cloned from http://github.com/someone/app.git: ")
	git("init", "-q", "--bare", bare)
	eventually(t, "the next attempt ends", func() bool { return p.box(t, project).Sandbox.Status == "error" })
	push("echo no luck; exit 3\n")
	p.must(t, "mutation", "projects:activateProject", obj{"projectId": project}, nil)
	fails("init script failed: no luck")
	eventually(t, "the next attempt ends", func() bool { return p.box(t, project).Sandbox.Status == "error" })
	push("echo made by the script >made.txt\n")
	p.must(t, "mutation", "projects:activateProject", obj{"projectId": project}, nil)
	var x box
	eventually(t, "it starts", func() bool { x = p.box(t, project); return x.Sandbox.Status == "started" })
	v := newVisitor(b)
	v.open(t, p, project)
	if status, body := v.get(t, "3000-"+x.SandboxID, "/"); status != http.StatusOK || body != "made by the script\n" {
		t.Errorf("the app answers %d %q", status, body)
	}
	p.must(t, "mutation", "projects:deleteProject", obj{"projectId": project}, nil)
	eventually(t, "its sandbox is gone", func() bool {
		all, err := b.sandboxes.client.List(t.Context(), map[string]string{"surgent-project": project})
		if err != nil {
			t.Fatal(err)
		}
		return len(all) == 0
	})
}

// gitHost serves the repositories of a folder as github.com would, behind a
// proxy whose address it returns.
func gitHost(t *testing.T, repos string) string {
	t.Helper()
	backend, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	host := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(backend)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + repos, "GIT_HTTP_EXPORT_ALL=1"}, Stderr: io.Discard,
	})
	t.Cleanup(host.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "github.com:80" {
			http.Error(w, "no way to "+r.Host, http.StatusForbidden)
			return
		}
		there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", host.Listener.Addr().String())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		here, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = there.Close()
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		var both sync.WaitGroup
		both.Go(func() { _, _ = io.Copy(there, buf); _ = there.(*net.TCPConn).CloseWrite() })
		both.Go(func() { _, _ = io.Copy(here, there); _ = here.Close() })
		both.Wait()
		_ = there.Close()
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}
