//go:build linux

package toolbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// remoteTimeout bounds git commands that talk to another machine.
const remoteTimeout = 10 * time.Minute

func (s *Server) gitRoutes() {
	s.handle("POST /git/clone", s.gitClone)
	s.handle("POST /git/add", s.gitAdd)
	s.handle("POST /git/commit", s.gitCommit)
	s.handle("POST /git/push", s.gitPush)
	s.handle("POST /git/pull", s.gitPull)
	s.handle("POST /git/checkout", s.gitCheckout)
	s.handle("GET /git/branches", s.gitBranches)
	s.handle("POST /git/branches", s.gitCreateBranch)
	s.handle("DELETE /git/branches", s.gitDeleteBranch)
	s.handle("GET /git/status", s.gitStatus)
	s.handle("GET /git/history", s.gitHistory)
}

// credentials are for one call. They reach git through its environment and a
// helper that lives in its arguments, so they are in no file.
type credentials struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

//nolint:gosec // a script that prints them
const credentialHelper = `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$TOOLBOX_GIT_USERNAME" "$TOOLBOX_GIT_PASSWORD"; }; f`

// git runs git in dir. Hooks and other programs that a repository may name
// are off, and nothing is ever asked.
func (s *Server) git(ctx context.Context, dir string, creds credentials, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
	defer cancel()
	opts := []string{
		"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false",
		"-c", "credential.helper=", "-c", "gc.auto=0", "-c", "advice.detachedHead=false",
	}
	env := map[string]string{
		"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "LC_ALL": "C", "GIT_EDITOR": "true",
		"GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
	}
	if creds.Username != "" || creds.Password != "" {
		opts = append(opts, "-c", "credential.helper="+credentialHelper)
		env["TOOLBOX_GIT_USERNAME"], env["TOOLBOX_GIT_PASSWORD"] = creds.Username, creds.Password
	}
	j := newJob()
	cmd := exec.Command("git", append(opts, args...)...) //nolint:gosec,noctx // arguments are checked by the callers; ended by kill
	cmd.Dir, cmd.Env = dir, append(s.environ(env), jobVar+"="+j.ID)
	cmd.SysProcAttr = s.cfg.Account.start(j)
	var stdout bytes.Buffer
	stderr := &cappedBuffer{limit: 64 << 10}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, stderr, outputDelay
	if err := cmd.Start(); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", fail(http.StatusNotFound, "GIT_REPO_NOT_FOUND", "no such folder: %s", dir)
		}
		return "", fmt.Errorf("start git: %w", err)
	}
	ended := make(chan struct{}) // closed when git was reaped
	go func() {
		_ = cmd.Wait() // the state says how it ended
		close(ended)
	}()
	select {
	case <-ctx.Done():
		j.kill(ctx, cmd.Process.Pid, 0)
		<-ended
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", fail(http.StatusRequestTimeout, "REQUEST_TIMEOUT", "git took longer than %s", remoteTimeout)
		}
		return "", ctx.Err()
	case <-ended:
		if !cmd.ProcessState.Success() {
			return "", gitError(stderr.String() + stdout.String())
		}
	}
	return stdout.String(), nil
}

// gitErrors tells git's words apart, first match first.
var gitErrors = []struct {
	text   string
	status int
	code   string
}{
	{"authentication failed", http.StatusUnauthorized, "GIT_AUTH_FAILED"},
	{"could not read username", http.StatusUnauthorized, "GIT_AUTH_FAILED"},
	{"could not read password", http.StatusUnauthorized, "GIT_AUTH_FAILED"},
	{"permission denied (publickey", http.StatusUnauthorized, "GIT_AUTH_FAILED"},
	{"returned error: 401", http.StatusUnauthorized, "GIT_AUTH_FAILED"},
	{"returned error: 403", http.StatusForbidden, "GIT_AUTH_FAILED"},
	{"not a git repository", http.StatusNotFound, "GIT_REPO_NOT_FOUND"},
	{"does not exist", http.StatusNotFound, "GIT_REPO_NOT_FOUND"},
	{"does not appear to be a git", http.StatusNotFound, "GIT_REPO_NOT_FOUND"},
	{"repository not found", http.StatusNotFound, "GIT_REPO_NOT_FOUND"},
	{"/' not found", http.StatusNotFound, "GIT_REPO_NOT_FOUND"},
	{"no configured push destination", http.StatusNotFound, "GIT_REPO_NOT_FOUND"},
	{"no remote repository specified", http.StatusNotFound, "GIT_REPO_NOT_FOUND"},
	{"no tracking information", http.StatusNotFound, "GIT_BRANCH_NOT_FOUND"},
	{"has no upstream branch", http.StatusNotFound, "GIT_BRANCH_NOT_FOUND"},
	{"remote branch", http.StatusNotFound, "GIT_BRANCH_NOT_FOUND"},
	{"couldn't find remote ref", http.StatusNotFound, "GIT_BRANCH_NOT_FOUND"},
	{"did not match any file", http.StatusNotFound, "GIT_BRANCH_NOT_FOUND"},
	{"invalid reference", http.StatusNotFound, "GIT_BRANCH_NOT_FOUND"},
	{"not found.", http.StatusNotFound, "GIT_BRANCH_NOT_FOUND"},
	{"non-fast-forward", http.StatusConflict, "GIT_PUSH_REJECTED"},
	{"fetch first", http.StatusConflict, "GIT_PUSH_REJECTED"},
	{"not possible to fast-forward", http.StatusConflict, "GIT_MERGE_CONFLICT"},
	{"merge conflict", http.StatusConflict, "GIT_MERGE_CONFLICT"},
	{"would be overwritten", http.StatusConflict, "GIT_DIRTY_WORKTREE"},
	{"already exists", http.StatusConflict, "GIT_BRANCH_EXISTS"},
	{"nothing to commit", http.StatusConflict, "CONFLICT"},
	{"nothing added to commit", http.StatusConflict, "CONFLICT"},
	{"no changes added to commit", http.StatusConflict, "CONFLICT"},
	{"remote rejected", http.StatusConflict, "GIT_REMOTE_REJECTED"},
	{"could not resolve host", http.StatusInternalServerError, "GIT_TRANSPORT_FAILED"},
	{"unable to access", http.StatusInternalServerError, "GIT_TRANSPORT_FAILED"},
}

func gitError(text string) error {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	for _, e := range gitErrors {
		if strings.Contains(lower, e.text) {
			return fail(e.status, e.code, "%s", text)
		}
	}
	return fail(http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "git: %s", text)
}

// gitRequest is the body of every git request; each uses some of it.
type gitRequest struct {
	credentials
	Path        string   `json:"path"`
	URL         string   `json:"url"`
	Branch      string   `json:"branch"`
	Remote      string   `json:"remote"`
	CommitID    string   `json:"commit_id"`
	Depth       int      `json:"depth"`
	Files       []string `json:"files"`
	Message     string   `json:"message"`
	Author      string   `json:"author"`
	Email       string   `json:"email"`
	AllowEmpty  bool     `json:"allow_empty"`
	Name        string   `json:"name"`
	SetUpstream bool     `json:"set_upstream"`
}

// gitBody reads a request and the folder that it is about.
func (s *Server) gitBody(w http.ResponseWriter, r *http.Request) (req gitRequest, dir string, err error) {
	if err := decode(w, r, &req); err != nil {
		return req, "", err
	}
	// Nothing in these places may be taken for an option.
	for _, word := range []string{req.URL, req.Branch, req.Remote, req.CommitID, req.Name} {
		if strings.HasPrefix(word, "-") {
			return req, "", badRequest("%q may not begin with -", word)
		}
	}
	if req.Path == "" {
		return req, "", badRequest("path is required")
	}
	return req, s.absolute(req.Path), nil
}

func (s *Server) absolute(path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.cfg.WorkDir, path)
	}
	return filepath.Clean(path)
}

func (s *Server) gitClone(w http.ResponseWriter, r *http.Request) error {
	req, dir, err := s.gitBody(w, r)
	if err != nil {
		return err
	}
	if req.URL == "" {
		return badRequest("url is required")
	}
	// A short name is a host and a path, as the SDKs' users write it.
	if !strings.Contains(req.URL, "://") && !filepath.IsAbs(req.URL) && !strings.Contains(req.URL, "@") {
		req.URL = "https://" + req.URL
	}
	parents := func() error { return os.MkdirAll(filepath.Dir(dir), 0o755) }
	if err := s.cfg.Account.do(parents); err != nil {
		return fileError(dir, err)
	}
	args := []string{"clone", "--quiet"}
	if req.CommitID == "" {
		args = append(args, "--single-branch")
	}
	if req.Branch != "" {
		args = append(args, "--branch", req.Branch)
	}
	if req.Depth > 0 {
		args = append(args, fmt.Sprintf("--depth=%d", req.Depth))
	}
	if _, err := s.git(r.Context(), s.cfg.WorkDir, req.credentials, append(args, "--", req.URL, dir)...); err != nil {
		return err
	}
	if req.CommitID != "" {
		if _, err := s.git(r.Context(), dir, credentials{}, "checkout", "--quiet", "--detach", req.CommitID); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) gitAdd(w http.ResponseWriter, r *http.Request) error {
	req, dir, err := s.gitBody(w, r)
	if err != nil {
		return err
	}
	if len(req.Files) == 0 {
		return badRequest("files is required")
	}
	_, err = s.git(r.Context(), dir, credentials{}, append([]string{"add", "--"}, req.Files...)...)
	return done(w, http.StatusOK, err)
}

// done answers without a body.
func done(w http.ResponseWriter, status int, err error) error {
	if err == nil {
		w.WriteHeader(status)
	}
	return err
}

func (s *Server) gitCommit(w http.ResponseWriter, r *http.Request) error {
	req, dir, err := s.gitBody(w, r)
	if err != nil {
		return err
	}
	if req.Message == "" || req.Author == "" || req.Email == "" {
		return badRequest("message, author and email are required")
	}
	args := []string{"-c", "user.name=" + req.Author, "-c", "user.email=" + req.Email, "commit", "--quiet", "--cleanup=verbatim", "-m", req.Message}
	if req.AllowEmpty {
		args = append(args, "--allow-empty")
	}
	if _, err := s.git(r.Context(), dir, credentials{}, args...); err != nil {
		return err
	}
	hash, err := s.git(r.Context(), dir, credentials{}, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"hash": strings.TrimSpace(hash)})
	return nil
}

func (s *Server) gitPush(w http.ResponseWriter, r *http.Request) error {
	req, dir, err := s.gitBody(w, r)
	if err != nil {
		return err
	}
	remote := req.Remote
	if remote == "" {
		remote = "origin"
	}
	what := req.Branch
	if what == "" {
		what = "HEAD"
	}
	args := []string{"push", "--quiet"}
	if req.SetUpstream {
		args = append(args, "--set-upstream")
	}
	_, err = s.git(r.Context(), dir, req.credentials, append(args, "--", remote, what)...)
	return done(w, http.StatusOK, err)
}

func (s *Server) gitPull(w http.ResponseWriter, r *http.Request) error {
	req, dir, err := s.gitBody(w, r)
	if err != nil {
		return err
	}
	args := []string{"pull", "--quiet", "--ff-only"}
	if req.Remote != "" || req.Branch != "" {
		remote := req.Remote
		if remote == "" {
			remote = "origin"
		}
		args = append(args, "--", remote)
		if req.Branch != "" {
			args = append(args, req.Branch)
		}
	}
	_, err = s.git(r.Context(), dir, req.credentials, args...)
	return done(w, http.StatusOK, err)
}

func (s *Server) gitCheckout(w http.ResponseWriter, r *http.Request) error {
	req, dir, err := s.gitBody(w, r)
	if err != nil {
		return err
	}
	if req.Branch == "" {
		return badRequest("branch is required")
	}
	_, err = s.git(r.Context(), dir, credentials{}, "checkout", "--quiet", req.Branch, "--")
	return done(w, http.StatusOK, err)
}

func (s *Server) gitCreateBranch(w http.ResponseWriter, r *http.Request) error {
	req, dir, err := s.gitBody(w, r)
	if err != nil {
		return err
	}
	if req.Name == "" {
		return badRequest("name is required")
	}
	_, err = s.git(r.Context(), dir, credentials{}, "checkout", "--quiet", "-b", req.Name)
	return done(w, http.StatusCreated, err)
}

func (s *Server) gitDeleteBranch(w http.ResponseWriter, r *http.Request) error {
	req, dir, err := s.gitBody(w, r)
	if err != nil {
		return err
	}
	if req.Name == "" {
		return badRequest("name is required")
	}
	_, err = s.git(r.Context(), dir, credentials{}, "branch", "--quiet", "-D", "--", req.Name)
	return done(w, http.StatusNoContent, err)
}
