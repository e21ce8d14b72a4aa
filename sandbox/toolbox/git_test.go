//go:build linux

package toolbox_test

import (
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const identity = "git config user.name T && git config user.email t@example.org && "

func TestGitStatusWords(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.execute(`git init -q -b main repo && cd repo && ` + identity + `
		seq 20 >renamed; echo 1 >deleted; echo 1 >both; echo 1 >removed; git add . && git commit -qm one &&
		git mv renamed 'a new name' && rm deleted && git rm -q removed && echo 2 >both && git add both && echo 3 >both && echo x >added && git add added`)
	type status struct {
		CurrentBranch string
		FileStatus    []struct{ Name, Staging, Worktree, Extra string }
		Ahead, Behind int
		Detached      bool
		Upstream      string
	}
	get := func() status {
		t.Helper()
		return decode[status](t, b.do("GET", "/git/status?path=repo", nil, 200))
	}
	got := map[string]string{}
	for _, f := range get().FileStatus {
		got[f.Name] = f.Staging + "/" + f.Worktree + "/" + f.Extra
	}
	want := map[string]string{
		"a new name": "Renamed/Unmodified/renamed", "deleted": "Unmodified/Deleted/", "removed": "Deleted/Unmodified/",
		"both": "Modified/Modified/", "added": "Added/Unmodified/",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	b.execute(`cd repo && git reset -q --hard && git checkout -qb other && echo other >both && git commit -qam other &&
		git checkout -q main && echo main >both && git commit -qam main; git merge -q other; git branch -q up && git branch -q -u up`)
	st := get()
	if len(st.FileStatus) != 1 || st.FileStatus[0].Staging != "Updated but unmerged" || st.Upstream != "up" || st.CurrentBranch != "main" {
		t.Errorf("conflict: %+v", st)
	}
	b.execute(`cd repo && git reset -q --hard && git checkout -q --detach`)
	if st := get(); !st.Detached || len(st.CurrentBranch) != 40 {
		t.Errorf("detached: %+v", st)
	}
}

// gitServer serves the repositories below dir over HTTP to user "u" with
// password "p w$'".
func gitServer(t *testing.T, dir string) *httptest.Server {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("git-http-backend is not installed")
	}
	h := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=u"}, Stderr: io.Discard}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "u" || password != "p w$'" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	return web
}

func TestGitCredentials(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.execute(`git init -q --bare -b main origin.git && git -C origin.git config http.receivepack true &&
		git init -q -b main seed && cd seed && ` + identity + `echo 1 >f && git add . && git commit -qm one && git push -q ../origin.git main`)
	web := gitServer(t, b.dir+"/work")
	url := web.URL + "/origin.git"
	code := func(body any, path string, status int) string {
		t.Helper()
		return decode[struct{ Code string }](t, b.do("POST", path, body, status)).Code
	}
	for _, creds := range []obj{{}, {"username": "u", "password": "wrong"}} {
		creds["url"], creds["path"] = url, "clone"
		if got := code(creds, "/git/clone", 401); got != "GIT_AUTH_FAILED" {
			t.Errorf("code %s", got)
		}
	}
	good := obj{"url": url, "path": "clone", "username": "u", "password": "p w$'"}
	b.do("POST", "/git/clone", good, 200)
	if got := b.execute("cd clone && cat f && grep -rlF \"p w\" .git; cat ~/.git-credentials 2>/dev/null; git config --local --list | grep -c credential"); got != "1\n0\n" {
		t.Errorf("after the clone: %q", got)
	}
	b.execute("cd clone && " + identity + "echo 2 >f && git commit -qam two")
	if got := code(obj{"path": "clone"}, "/git/push", 401); got != "GIT_AUTH_FAILED" {
		t.Errorf("code %s", got)
	}
	b.do("POST", "/git/push", obj{"path": "clone", "username": "u", "password": "p w$'"}, 200)
	b.do("POST", "/git/pull", obj{"path": "clone", "username": "u", "password": "p w$'"}, 200)
	if got := b.execute("git -C origin.git log --format=%s main"); got != "two\none\n" {
		t.Errorf("pushed: %q", got)
	}
	if got := code(obj{"url": web.URL + "/missing.git", "path": "x", "username": "u", "password": "p w$'"}, "/git/clone", 404); got != "GIT_REPO_NOT_FOUND" {
		t.Errorf("code %s", got)
	}
}
