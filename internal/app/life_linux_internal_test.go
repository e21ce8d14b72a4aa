package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"surgent.dev/surgent/model/modeltest"
	"surgent.dev/surgent/sandbox"
)

// realBench is a whole server with the embedded engine. It needs root and a
// built binary, which the engine runs as gVisor.
func realBench(t *testing.T, env map[string]string) *bench {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts real sandboxes, which take a minute")
	}
	binary := builtBinary(t)
	if cache := os.Getenv("SURGENT_CACHE"); cache != "" {
		env["SURGENT_CACHE"] = cache
	}
	return start(t, t.TempDir(), binary, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), env)
}

// builtBinary returns the built program, or skips the test: sandboxes need it
// and root.
func builtBinary(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("sandboxes need root")
	}
	binary, err := filepath.Abs("../../bin/surgent")
	if err != nil {
		t.Fatal(err)
	}
	if path := os.Getenv("SURGENT_TEST_BINARY"); path != "" {
		binary = path
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skip("no built binary (make build)")
	}
	return binary
}

// box is the part of a project that its sandbox's life shows in.
type box struct {
	SandboxID string `json:"sandboxId"`
	Sandbox   struct {
		Status        string           `json:"status"`
		IsInitialized bool             `json:"isInitialized"`
		Error         string           `json:"error"`
		Steps         []map[string]any `json:"steps"`
		DevServer     *struct {
			Status    string   `json:"status"`
			ExitCode  *int     `json:"exitCode"`
			LastLines []string `json:"lastLines"`
			Error     string   `json:"error"`
		} `json:"devServer"`
	} `json:"sandbox"`
}

func (p *person) box(t *testing.T, project string) box {
	t.Helper()
	var b box
	p.must(t, "query", "projects:getProject", obj{"projectId": project}, &b)
	return b
}

// TestLife walks one project through what its sandbox can meet: L1 and L2 (a
// sandbox that was asleep or lost cost the work, and its dev server stayed
// dead), and the errors that the page shows. One engine serves it all, since
// each takes seconds to start.
func TestLife(t *testing.T) {
	t.Parallel()
	model := httptest.NewServer(modeltest.New(modeltest.Config{Key: "test-key", Script: modeltest.Turns(
		modeltest.Call("I write it.", "Write", obj{"file_path": "/workspace/made.txt", "content": "by the agent\n"}),
		modeltest.Text("Written."),
	)}))
	t.Cleanup(model.Close)
	b := realBench(t, map[string]string{"ANTHROPIC_API_KEY": "test-key", "ANTHROPIC_BASE_URL": model.URL})
	p := b.guest(t)
	id, session := p.project(t, "Life")
	until := func(what string, check func(box) bool) box {
		t.Helper()
		var now box
		eventually(t, what, func() bool {
			now = p.box(t, id)
			if now.Sandbox.Status == "error" {
				t.Fatalf("%s: the sandbox failed: %s", what, now.Sandbox.Error)
			}
			return check(now)
		})
		return now
	}
	started := func(x box) bool { return x.Sandbox.Status == "started" }
	var n int
	eventually(t, "the templates are warm", func() bool {
		n++
		var c struct {
			Preparing *struct{ Step string } `json:"preparing"`
		}
		b.anonymous().must(t, "query", "config:client", nil, &c)
		return c.Preparing == nil && n > 1 || p.box(t, id).Sandbox.Status == "started"
	})
	at := until("the sandbox starts", started)
	if !at.Sandbox.IsInitialized || at.Sandbox.DevServer == nil {
		t.Fatalf("started as %+v", at)
	}

	visitor := newVisitor(b)
	if status, _ := visitor.get(t, "3000-"+at.SandboxID, "/"); status != http.StatusForbidden {
		t.Errorf("a stranger got %d", status)
	}
	visitor.open(t, p, id)
	if status, page := visitor.get(t, "3000-"+at.SandboxID, "/"); status != http.StatusOK || !strings.Contains(page, "/@vite/client") {
		t.Fatalf("the preview answers %d %.80s", status, page)
	}

	// The platform's keys are in no sandbox's environment.
	t.Run("no keys inside", func(t *testing.T) {
		out, err := b.sandboxes.client.Toolbox(at.SandboxID).Execute(t.Context(), sandbox.ExecRequest{Command: "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; env"})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.Output, "PATH=") || strings.Contains(out.Output, "test-key") || strings.Contains(out.Output, "ANTHROPIC") {
			t.Errorf("the sandbox's environment is %s", out.Output)
		}
	})

	t.Run("files", func(t *testing.T) {
		var content struct{ Content, Encoding string }
		p.must(t, "action", "files:uploadFile", obj{"projectId": id, "path": "notes/a.txt", "content": "kept"}, nil)
		p.must(t, "action", "files:readFile", obj{"projectId": id, "path": "/workspace/notes/a.txt"}, &content)
		if content.Content != "kept" || content.Encoding != "utf8" {
			t.Errorf("read %+v", content)
		}
		// A mere prefix would admit siblings; .git and the project itself are
		// protected, and a missing folder does not list its parent.
		for _, path := range []string{"../etc/passwd", "/workspace-x/a", "/etc/passwd", "notes/../../etc/passwd", ".git/config", "/workspace/.git"} {
			p.refused(t, "action", "files:readFile", obj{"projectId": id, "path": path}, "", "")
		}
		p.refused(t, "action", "files:deleteFile", obj{"projectId": id, "path": ".", "recursive": true}, "stays as it is", "")
		p.refused(t, "action", "files:getFileTree", obj{"projectId": id, "path": "nowhere"}, "There is no nowhere", "not_found")
		if _, err := b.sandboxes.client.Toolbox(at.SandboxID).Execute(t.Context(), sandbox.ExecRequest{Command: "ln -s /etc notes/etc"}); err != nil {
			t.Fatal(err)
		}
		p.refused(t, "action", "files:readFile", obj{"projectId": id, "path": "notes/etc/passwd"}, "", "")
		var tree []struct {
			Path     string `json:"path"`
			IsDir    bool   `json:"isDir"`
			Children []any  `json:"children"`
		}
		p.must(t, "action", "files:getFileTree", obj{"projectId": id}, &tree)
		for _, n := range tree {
			if n.Path == ".git" || n.Path == "node_modules" && len(n.Children) > 0 {
				t.Errorf("the tree shows %s", n.Path)
			}
		}
		var found struct{ Files []string }
		p.must(t, "action", "files:searchFiles", obj{"projectId": id, "pattern": "App.tsx"}, &found)
		if len(found.Files) != 1 || found.Files[0] != "src/App.tsx" {
			t.Errorf("found %v", found.Files)
		}
		var replaced []struct {
			File    string
			Success bool
		}
		p.must(t, "action", "files:replaceInFiles", obj{"projectId": id, "files": []string{"notes/a.txt"}, "pattern": "kept", "newValue": "still here"}, &replaced)
		if len(replaced) != 1 || !replaced[0].Success || replaced[0].File != "notes/a.txt" {
			t.Errorf("replaced %+v", replaced)
		}
		p.must(t, "action", "files:moveFiles", obj{"projectId": id, "source": "notes/a.txt", "destination": "note.txt"}, nil)
	})

	t.Run("asleep and awake", func(t *testing.T) {
		if err := b.sandboxes.client.Stop(t.Context(), at.SandboxID); err != nil {
			t.Fatal(err)
		}
		until("it is noticed", func(x box) bool { return x.Sandbox.Status == "stopped" })
		if status, _ := newVisitor(b).get(t, "3000-"+at.SandboxID, "/"); status != http.StatusForbidden || p.box(t, id).Sandbox.Status != "stopped" {
			t.Errorf("a stranger got %d and the sandbox is %s", status, p.box(t, id).Sandbox.Status)
		}
		if status, page := visitor.get(t, "3000-"+at.SandboxID, "/"); status != http.StatusServiceUnavailable || !strings.Contains(page, "Waking") {
			t.Errorf("the owner got %d %.200s", status, page)
		}
		until("it wakes", started)
		var content struct{ Content string }
		p.must(t, "action", "files:readFile", obj{"projectId": id, "path": "note.txt"}, &content)
		if status, _ := visitor.get(t, "3000-"+at.SandboxID, "/"); status != http.StatusOK || content.Content != "still here" {
			t.Errorf("after waking: %d %q", status, content.Content)
		}
	})

	t.Run("broken and mended build", func(t *testing.T) {
		var good struct{ Content string }
		p.must(t, "action", "files:readFile", obj{"projectId": id, "path": "src/App.tsx"}, &good)
		write := func(text string) {
			p.must(t, "action", "files:uploadFile", obj{"projectId": id, "path": "src/App.tsx", "content": text}, nil)
		}
		write("export default function App() { return <main>")
		until("the error shows", func(x box) bool {
			visitor.get(t, "3000-"+at.SandboxID, "/src/App.tsx") // as the open page does
			return x.Sandbox.DevServer != nil && strings.Contains(x.Sandbox.DevServer.Error, "PARSE_ERROR")
		})
		write(good.Content)
		until("the error goes", func(x box) bool {
			visitor.get(t, "3000-"+at.SandboxID, "/src/App.tsx")
			return x.Sandbox.DevServer != nil && x.Sandbox.DevServer.Error == ""
		})
	})

	t.Run("dev server killed and restarted", func(t *testing.T) {
		if _, err := b.sandboxes.client.Toolbox(at.SandboxID).Execute(t.Context(), sandbox.ExecRequest{Command: "pkill -KILL -x node || pkill -KILL bun"}); err != nil {
			t.Fatal(err)
		}
		x := until("its end shows", func(x box) bool { return x.Sandbox.DevServer != nil && x.Sandbox.DevServer.Status == "exited" })
		if x.Sandbox.DevServer.ExitCode == nil || *x.Sandbox.DevServer.ExitCode == 0 || len(x.Sandbox.DevServer.LastLines) == 0 {
			t.Errorf("dev server %+v", x.Sandbox.DevServer)
		}
		p.must(t, "mutation", "projects:activateProject", obj{"projectId": id}, nil)
		until("it runs again", func(x box) bool { return x.Sandbox.DevServer != nil && x.Sandbox.DevServer.Status == "running" })
		if status, _ := visitor.get(t, "3000-"+at.SandboxID, "/"); status != http.StatusOK {
			t.Errorf("the preview answers %d", status)
		}
	})

	// A sandbox that came back without its processes stayed without a preview,
	// and its page said "running".
	t.Run("dev server lost", func(t *testing.T) {
		if err := b.sandboxes.client.Toolbox(at.SandboxID).DeleteSession(t.Context(), "dev"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "nothing answers", func() bool {
			status, _ := visitor.get(t, "3000-"+at.SandboxID, "/")
			return status == http.StatusBadGateway
		})
		p.must(t, "mutation", "projects:wakeSandbox", obj{"projectId": id}, nil)
		eventually(t, "the app answers again", func() bool {
			status, _ := visitor.get(t, "3000-"+at.SandboxID, "/")
			return status == http.StatusOK
		})
		until("it runs", func(x box) bool { return x.Sandbox.DevServer != nil && x.Sandbox.DevServer.Status == "running" })
	})

	t.Run("deploy", func(t *testing.T) {
		type deployment struct {
			Status string `json:"status"`
			Stage  string `json:"stage"`
			Error  string `json:"error"`
			Log    string `json:"log"`
			URL    string `json:"url"`
		}
		newest := func(what string) deployment {
			t.Helper()
			var list []deployment
			eventually(t, what, func() bool {
				p.must(t, "query", "deployments:listByProject", obj{"projectId": id}, &list)
				s := list[0].Status
				return s == "deployed" || s == "build_failed" || s == "deploy_failed"
			})
			return list[0]
		}
		p.must(t, "mutation", "projects:deployProject", obj{"projectId": id, "deployName": "life-test"}, nil)
		if d := newest("the deployment ends"); d.Status != "deployed" || d.URL == "" || !strings.Contains(d.Log, "built in") {
			t.Fatalf("deployed as %+v", d)
		}
		status, body := visitor.get(t, "life-test", "/api/hello")
		if status != http.StatusOK || !strings.Contains(body, "Hello") {
			t.Errorf("the app answers %d %s", status, body)
		}
		// The preview gives the same answer.
		if again, same := visitor.get(t, "3000-"+at.SandboxID, "/api/hello"); again != status || same != body {
			t.Errorf("the preview answers %d %s, the app %d %s", again, same, status, body)
		}
		// What its code writes is its owner's to read.
		var worker, written struct{ Content, Log string }
		p.must(t, "action", "files:readFile", obj{"projectId": id, "path": "worker/index.ts"}, &worker)
		p.must(t, "action", "files:uploadFile", obj{
			"projectId": id, "path": "worker/index.ts",
			"content": strings.Replace(worker.Content, "const { pathname }", "console.log(\"asked\", request.method);\n    const { pathname }", 1),
		}, nil)
		p.must(t, "mutation", "projects:deployProject", obj{"projectId": id}, nil)
		if d := newest("one that writes ends"); d.Status != "deployed" {
			t.Fatalf("deployed as %+v", d)
		}
		visitor.get(t, "life-test", "/api/hello")
		eventually(t, "its log is there", func() bool {
			p.must(t, "action", "deployments:appLog", obj{"projectId": id}, &written)
			return strings.Contains(written.Log, "asked GET\n")
		})
		// A failed build leaves nothing hanging and shows its log.
		var pkg struct{ Content string }
		p.must(t, "action", "files:readFile", obj{"projectId": id, "path": "package.json"}, &pkg)
		p.must(t, "action", "files:uploadFile", obj{"projectId": id, "path": "package.json", "content": strings.Replace(pkg.Content, `"vite build"`, `"echo no luck; exit 3"`, 1)}, nil)
		p.must(t, "mutation", "projects:deployProject", obj{"projectId": id}, nil)
		if d := newest("the second ends"); d.Status != "build_failed" || !strings.Contains(d.Log, "no luck") || !strings.Contains(d.Error, "3") {
			t.Errorf("failed as %+v", d)
		}
		if status, _ := visitor.get(t, "life-test", "/"); status != http.StatusOK {
			t.Errorf("what was live answers %d", status)
		}
		// The newest of several wins, and all of them end.
		p.must(t, "action", "files:uploadFile", obj{"projectId": id, "path": "package.json", "content": pkg.Content}, nil)
		for range 3 {
			p.must(t, "mutation", "projects:deployProject", obj{"projectId": id, "deployName": "life-renamed"}, nil)
		}
		if d := newest("the newest ends"); d.Status != "deployed" {
			t.Errorf("the newest is %+v", d)
		}
		var all []deployment
		p.must(t, "query", "deployments:listByProject", obj{"projectId": id}, &all)
		// Which one gave way depends on which a worker had taken already.
		if len(all) != 6 || all[1].Stage != "superseded" && all[2].Stage != "superseded" {
			t.Errorf("%d deployments, before the newest %+v and %+v", len(all), all[1], all[2])
		}
		// The old address leads to the new one; nobody else gets it meanwhile.
		eventually(t, "the old name leads on", func() bool {
			res := visitor.do(t, "life-test", "/some/page?x=1")
			return res.status == http.StatusFound && res.header.Get("Location") == "http://life-renamed."+b.config.Domain+"/some/page?x=1"
		})
		stranger := b.guest(t)
		theirs, _ := stranger.project(t, "Theirs")
		var check struct {
			OK     bool
			Reason string
		}
		stranger.must(t, "query", "deployments:checkName", obj{"projectId": theirs, "name": "life-test"}, &check)
		if check.OK || check.Reason != "taken" {
			t.Errorf("a stranger may have the old name: %+v", check)
		}
		stranger.must(t, "mutation", "projects:deleteProject", obj{"projectId": theirs}, nil)
		// The project may have it back, and then the other leads to it.
		p.must(t, "mutation", "projects:deployProject", obj{"projectId": id, "deployName": "life-test"}, nil)
		if d := newest("it is renamed back"); d.Status != "deployed" {
			t.Errorf("the newest is %+v", d)
		}
		if status, _ := visitor.get(t, "life-test", "/"); status != http.StatusOK {
			t.Errorf("renamed back, it answers %d", status)
		}
		eventually(t, "the other name leads on", func() bool {
			return visitor.do(t, "life-renamed", "/").header.Get("Location") == "http://life-test."+b.config.Domain+"/"
		})
	})

	t.Run("a run makes a checkpoint", func(t *testing.T) {
		p.must(t, "mutation", "sessions:createMessageAndRunAgent", obj{"projectId": id, "sessionId": session, "prompt": "Write a file"}, nil)
		var list []struct {
			Version float64 `json:"version"`
			SHA     string  `json:"sha"`
		}
		eventually(t, "the checkpoint is there", func() bool {
			p.must(t, "query", "commits:listByProject", obj{"projectId": id}, &list)
			return len(list) == 1
		})
		if list[0].Version != 1 || len(list[0].SHA) != 40 {
			t.Errorf("checkpoint %+v", list[0])
		}
	})

	// An error must not make a new, empty sandbox, with the work gone.
	t.Run("lost", func(t *testing.T) {
		if err := b.sandboxes.client.Delete(t.Context(), at.SandboxID); err != nil {
			t.Fatal(err)
		}
		// Each view of the page made another one.
		var views sync.WaitGroup
		for range 5 {
			views.Go(func() { p.must(t, "mutation", "projects:wakeSandbox", obj{"projectId": id}, nil) })
			views.Go(func() { p.must(t, "mutation", "projects:activateProject", obj{"projectId": id}, nil) })
		}
		views.Wait()
		x := until("another is there", func(x box) bool { return started(x) && x.SandboxID != at.SandboxID })
		if all, err := b.sandboxes.client.List(t.Context(), map[string]string{"surgent-project": id}); err != nil || len(all) != 1 {
			t.Errorf("%d sandboxes are there, %v", len(all), err)
		}
		visitor.open(t, p, id)
		if status, _ := visitor.get(t, "3000-"+x.SandboxID, "/"); status != http.StatusOK {
			t.Errorf("its preview answers %d", status)
		}
		var content struct{ Content string }
		p.must(t, "action", "files:readFile", obj{"projectId": id, "path": "made.txt"}, &content)
		if content.Content != "by the agent\n" {
			t.Errorf("the checkpoint's file reads %q", content.Content)
		}
		p.must(t, "action", "files:readFile", obj{"projectId": id, "path": "note.txt"}, &content)
		at = x
	})

	t.Run("deleted", func(t *testing.T) {
		p.must(t, "mutation", "projects:deleteProject", obj{"projectId": id}, nil)
		eventually(t, "its sandbox and its app are gone", func() bool {
			all, err := b.sandboxes.client.List(t.Context(), map[string]string{"surgent-project": id})
			if err != nil {
				t.Fatal(err)
			}
			status, _ := visitor.get(t, "life-renamed", "/")
			other, _ := visitor.get(t, "life-test", "/")
			return len(all) == 0 && status == http.StatusNotFound && other == http.StatusNotFound
		})
		if status, _ := visitor.get(t, "3000-"+at.SandboxID, "/"); status != http.StatusForbidden {
			t.Errorf("its preview answers %d", status)
		}
		left := func() (what []string) {
			for _, table := range []string{"projects", "sessions", "sessionMessages", "commits", "runs", "runSteps", "toolCalls", "deployments", "appNames"} {
				if n := b.count(t, table); n > 0 {
					what = append(what, fmt.Sprint(n, " ", table))
				}
			}
			// The contents of apps go with a later sweep: another app's release
			// in the making may use the same.
			for _, folder := range []string{"repos", "answers", "apps", "sandboxes"} {
				err := filepath.WalkDir(filepath.Join(b.config.Data, folder), func(path string, d fs.DirEntry, err error) error {
					switch {
					case errors.Is(err, fs.ErrNotExist):
						return nil
					case err != nil || d.IsDir():
						return err
					case path != filepath.Join(b.config.Data, "sandboxes", "lock") && path != filepath.Join(b.config.Data, "sandboxes", "engine.json"):
						what = append(what, path)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			return what
		}
		eventually(t, "nothing of it is left", func() bool {
			n++
			if n%100 == 0 {
				t.Log(left())
			}
			return len(left()) == 0
		})
	})
}

// visitor is a browser without a workspace: it keeps one preview's cookie.
type visitor struct {
	b      *bench
	cookie string
}

func newVisitor(b *bench) *visitor { return &visitor{b: b} }

// open takes a link of the owner and keeps the cookie that it brings.
func (v *visitor) open(t *testing.T, owner *person, project string) {
	t.Helper()
	var link struct{ URL string }
	owner.must(t, "action", "projects:previewLink", obj{"projectId": project}, &link)
	host, path, ok := strings.Cut(strings.TrimPrefix(link.URL, "http://"), "/")
	if !ok {
		t.Fatalf("link %s", link.URL)
	}
	label, _, _ := strings.Cut(host, ".")
	res := v.do(t, label, "/"+path)
	v.cookie, _, _ = strings.Cut(res.header.Get("Set-Cookie"), ";")
	if res.status != http.StatusSeeOther || v.cookie == "" {
		t.Fatalf("the link answers %d", res.status)
	}
}

func (v *visitor) get(t *testing.T, label, path string) (int, string) {
	t.Helper()
	res := v.do(t, label, path)
	return res.status, res.body
}

// page is a response whose body has been read.
type page struct {
	status int
	header http.Header
	body   string
}

func (v *visitor) do(t *testing.T, label, path string) page {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.b.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = label + "." + v.b.config.Domain
	req.Header.Set("Accept", "text/html")
	if v.cookie != "" {
		req.Header.Set("Cookie", v.cookie)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{res.StatusCode, res.Header, string(raw)}
}
