package daytona

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"surgent.dev/surgent/sandbox"
)

// remoteTimeout bounds git requests that talk to another machine.
const remoteTimeout = 10 * time.Minute

func (t *toolbox) git(ctx context.Context, method, what string, body, into any, timeout time.Duration) error {
	q := call{method: method, url: "/git/" + what, json: body, into: into, timeout: timeout}
	var err error
	if into == nil {
		err = discard(t.call(ctx, q))
	} else {
		_, err = t.call(ctx, q)
	}
	if err != nil {
		return fmt.Errorf("git %s: %w", what, err)
	}
	return nil
}

func (t *toolbox) gitGet(ctx context.Context, what, path string, into any) error {
	if err := t.get(ctx, "/git/"+what, url.Values{"path": {path}}, into); err != nil {
		return fmt.Errorf("git %s: %w", what, err)
	}
	return nil
}

// GitClone implements sandbox.Git.
func (t *toolbox) GitClone(ctx context.Context, req sandbox.CloneRequest) error {
	return t.git(ctx, http.MethodPost, "clone", req, nil, remoteTimeout)
}

// GitAdd implements sandbox.Git.
func (t *toolbox) GitAdd(ctx context.Context, path string, files []string) error {
	return t.git(ctx, http.MethodPost, "add", map[string]any{"path": path, "files": files}, nil, quickTimeout)
}

// GitCommit implements sandbox.Git.
func (t *toolbox) GitCommit(ctx context.Context, path, message, author, email string) (string, error) {
	var a struct {
		Hash string `json:"hash"`
	}
	body := map[string]string{"path": path, "message": message, "author": author, "email": email}
	err := t.git(ctx, http.MethodPost, "commit", body, &a, quickTimeout)
	if err == nil && a.Hash == "" {
		err = errors.New("git commit: answer has no hash")
	}
	return a.Hash, err
}

// GitStatus implements sandbox.Git.
func (t *toolbox) GitStatus(ctx context.Context, path string) (*sandbox.GitStatus, error) {
	var a struct {
		sandbox.GitStatus
		FileStatus list[sandbox.FileStatus] `json:"fileStatus"` // in the place of GitStatus's
	}
	if err := t.gitGet(ctx, "status", path, &a); err != nil {
		return nil, err
	}
	s := a.GitStatus
	s.FileStatus = append([]sandbox.FileStatus{}, a.FileStatus...)
	return &s, nil
}

// GitBranches implements sandbox.Git.
func (t *toolbox) GitBranches(ctx context.Context, path string) ([]string, error) {
	var a struct {
		Branches list[string] `json:"branches"`
	}
	err := t.gitGet(ctx, "branches", path, &a)
	return a.Branches, err
}

// GitCreateBranch implements sandbox.Git.
func (t *toolbox) GitCreateBranch(ctx context.Context, path, name string) error {
	return t.git(ctx, http.MethodPost, "branches", map[string]string{"path": path, "name": name}, nil, quickTimeout)
}

// GitDeleteBranch implements sandbox.Git.
func (t *toolbox) GitDeleteBranch(ctx context.Context, path, name string) error {
	return t.git(ctx, http.MethodDelete, "branches", map[string]string{"path": path, "name": name}, nil, quickTimeout)
}

// GitCheckout implements sandbox.Git.
func (t *toolbox) GitCheckout(ctx context.Context, path, branch string) error {
	return t.git(ctx, http.MethodPost, "checkout", map[string]string{"path": path, "branch": branch}, nil, quickTimeout)
}

// remote is the body of a request about the path's remote.
type remote struct {
	Path string `json:"path"`
	sandbox.GitCredentials
}

// GitPull implements sandbox.Git.
func (t *toolbox) GitPull(ctx context.Context, path string, creds sandbox.GitCredentials) error {
	return t.git(ctx, http.MethodPost, "pull", remote{path, creds}, nil, remoteTimeout)
}

// GitPush implements sandbox.Git.
func (t *toolbox) GitPush(ctx context.Context, path string, creds sandbox.GitCredentials) error {
	return t.git(ctx, http.MethodPost, "push", remote{path, creds}, nil, remoteTimeout)
}

// GitHistory implements sandbox.Git.
func (t *toolbox) GitHistory(ctx context.Context, path string) ([]sandbox.GitCommitInfo, error) {
	commits := list[sandbox.GitCommitInfo]{}
	err := t.gitGet(ctx, "history", path, &commits)
	return commits, err
}
