package sandboxtest

import (
	"slices"
	"strings"
	"testing"

	"surgent.dev/surgent/sandbox"
)

func runGit(t *testing.T, tb sandbox.Toolbox) {
	t.Helper()
	// repo makes a bare repository with one commit and a clone of it.
	repo := func(t *testing.T) (dir, clone string) {
		t.Helper()
		dir = folder(t, tb)
		res := execute(t, tb, sandbox.ExecRequest{Dir: dir, Command: `
			git init -q --bare -b main origin.git && git init -q -b main seed && cd seed &&
			echo one >f.txt && git add . && git -c user.name=T -c user.email=t@example.org commit -qm first &&
			git push -q ../origin.git main && git -C ../origin.git rev-parse main`})
		if res.ExitCode != 0 {
			t.Fatalf("prepare: %s", res.Output)
		}
		clone = dir + "/clone"
		if err := tb.GitClone(caseContext(t), sandbox.CloneRequest{URL: "file://" + dir + "/origin.git", Path: clone}); err != nil {
			t.Fatalf("clone: %v", err)
		}
		return dir, clone
	}
	t.Run("status, add, commit, push, pull", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		dir, clone := repo(t)
		st, err := tb.GitStatus(ctx, clone)
		if err != nil || st.CurrentBranch != "main" || len(st.FileStatus) != 0 {
			t.Fatalf("clean: %+v, %v", st, err)
		}
		upload(t, tb, clone+"/new grün.txt", "new")
		upload(t, tb, clone+"/f.txt", "changed")
		st, err = tb.GitStatus(ctx, clone)
		want := []sandbox.FileStatus{
			{Name: "f.txt", Staging: "Unmodified", Worktree: "Modified"},
			{Name: "new grün.txt", Staging: "Untracked", Worktree: "Untracked"},
		}
		if err != nil || !slices.Equal(st.FileStatus, want) {
			t.Errorf("changed: %+v, %v", st, err)
		}
		if err := tb.GitAdd(ctx, clone, []string{"."}); err != nil {
			t.Fatalf("add: %v", err)
		}
		if st, err = tb.GitStatus(ctx, clone); err != nil || len(st.FileStatus) != 2 || st.FileStatus[1].Staging != "Added" {
			t.Errorf("added: %+v, %v", st, err)
		}
		// A hook would run as part of the caller's commit.
		execute(t, tb, sandbox.ExecRequest{Dir: clone, Command: "printf '#!/bin/sh\nexit 1\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit"})
		hash, err := tb.GitCommit(ctx, clone, "second\n\nTrailer: yes\n", "A B", "a@example.org")
		if err != nil {
			t.Fatalf("commit: %v", err)
		}
		head := execute(t, tb, sandbox.ExecRequest{Dir: clone, Command: "git rev-parse HEAD; git log -1 --format=%an:%ae:%s"})
		if head.Output != hash+"\nA B:a@example.org:second\n" {
			t.Errorf("commit %s, HEAD %q", hash, head.Output)
		}
		_, err = tb.GitCommit(ctx, clone, "nothing", "A", "a@example.org")
		wantError(t, "commit nothing", err, sandbox.ErrConflict)
		if err := tb.GitPush(ctx, clone, sandbox.GitCredentials{}); err != nil {
			t.Errorf("push: %v", err)
		}
		if err := tb.GitPush(ctx, clone, sandbox.GitCredentials{}); err != nil {
			t.Errorf("push what is there: %v", err)
		}
		second := sandbox.CloneRequest{URL: "file://" + dir + "/origin.git", Path: dir + "/second"}
		if err := tb.GitClone(ctx, second); err != nil {
			t.Fatalf("clone: %v", err)
		}
		upload(t, tb, clone+"/f.txt", "third")
		if err := tb.GitAdd(ctx, clone, []string{"f.txt"}); err != nil {
			t.Fatal(err)
		}
		if hash, err = tb.GitCommit(ctx, clone, "third", "A", "a@example.org"); err != nil {
			t.Fatal(err)
		}
		if err := tb.GitPush(ctx, clone, sandbox.GitCredentials{}); err != nil {
			t.Fatal(err)
		}
		if err := tb.GitPull(ctx, dir+"/second", sandbox.GitCredentials{}); err != nil {
			t.Errorf("pull: %v", err)
		}
		list, err := tb.GitHistory(ctx, dir+"/second")
		if err != nil || len(list) != 3 || list[0].Hash != hash || list[1].Message != "second\n\nTrailer: yes" || list[2].Message != "first" {
			t.Errorf("history: %+v, %v", list, err)
		}
	})
	t.Run("branches", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		_, clone := repo(t)
		if err := tb.GitCreateBranch(ctx, clone, "feature/x"); err != nil {
			t.Fatalf("create: %v", err)
		}
		wantError(t, "create again", tb.GitCreateBranch(ctx, clone, "feature/x"), sandbox.ErrConflict)
		wantError(t, "an option as name", tb.GitCreateBranch(ctx, clone, "--orphan"), sandbox.ErrInvalid)
		names, err := tb.GitBranches(ctx, clone)
		if err != nil || !slices.Equal(names, []string{"feature/x", "main"}) {
			t.Errorf("branches: %q, %v", names, err)
		}
		if err := tb.GitCheckout(ctx, clone, "main"); err != nil {
			t.Errorf("checkout: %v", err)
		}
		wantError(t, "checkout nothing", tb.GitCheckout(ctx, clone, "missing"), sandbox.ErrNotFound)
		if err := tb.GitDeleteBranch(ctx, clone, "feature/x"); err != nil {
			t.Errorf("delete: %v", err)
		}
		wantError(t, "delete again", tb.GitDeleteBranch(ctx, clone, "feature/x"), sandbox.ErrNotFound)
	})
	t.Run("a commit and a branch to clone", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		dir, _ := repo(t)
		res := execute(t, tb, sandbox.ExecRequest{Dir: dir + "/seed", Command: `git rev-parse HEAD && git checkout -qb dev && echo two >f.txt &&
			git -c user.name=T -c user.email=t@example.org commit -qam dev && git push -q ../origin.git dev`})
		if res.ExitCode != 0 {
			t.Fatalf("prepare: %s", res.Output)
		}
		first := strings.TrimSpace(res.Output)
		url := "file://" + dir + "/origin.git"
		if err := tb.GitClone(ctx, sandbox.CloneRequest{URL: url, Path: dir + "/dev", Branch: "dev"}); err != nil {
			t.Fatalf("clone a branch: %v", err)
		}
		if got := download(t, tb, dir+"/dev/f.txt"); string(got) != "two\n" {
			t.Errorf("got %q", got)
		}
		if err := tb.GitClone(ctx, sandbox.CloneRequest{URL: url, Path: dir + "/old", CommitID: first}); err != nil {
			t.Fatalf("clone a commit: %v", err)
		}
		if st, err := tb.GitStatus(ctx, dir+"/old"); err != nil || st.CurrentBranch != first {
			t.Errorf("status: %+v, %v", st, err)
		}
		err := tb.GitClone(ctx, sandbox.CloneRequest{URL: url, Path: dir + "/none", Branch: "missing"})
		wantError(t, "clone a missing branch", err, sandbox.ErrNotFound)
		err = tb.GitClone(ctx, sandbox.CloneRequest{URL: "file://" + dir + "/missing.git", Path: dir + "/none"})
		wantError(t, "clone a missing repository", err, sandbox.ErrNotFound)
		err = tb.GitClone(ctx, sandbox.CloneRequest{URL: url, Path: dir + "/dev"})
		wantError(t, "clone onto a folder", err, sandbox.ErrConflict)
	})
	t.Run("a repository without commits, and none", func(t *testing.T) {
		t.Parallel()
		ctx, dir := caseContext(t), folder(t, tb)
		execute(t, tb, sandbox.ExecRequest{Dir: dir, Command: "git init -q -b trunk empty"})
		if st, err := tb.GitStatus(ctx, dir+"/empty"); err != nil || st.CurrentBranch != "trunk" {
			t.Errorf("empty: %+v, %v", st, err)
		}
		_, err := tb.GitStatus(ctx, dir+"/nowhere")
		wantError(t, "status of nothing", err, sandbox.ErrNotFound)
	})
	t.Run("a push that is behind", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		dir, clone := repo(t)
		execute(t, tb, sandbox.ExecRequest{Dir: dir + "/seed", Command: `echo x >f.txt; git -c user.name=T -c user.email=t@example.org commit -qam other; git push -q ../origin.git main`})
		upload(t, tb, clone+"/g", "g")
		if err := tb.GitAdd(ctx, clone, []string{"g"}); err != nil {
			t.Fatal(err)
		}
		if _, err := tb.GitCommit(ctx, clone, "mine", "A", "a@example.org"); err != nil {
			t.Fatal(err)
		}
		wantError(t, "push", tb.GitPush(ctx, clone, sandbox.GitCredentials{}), sandbox.ErrConflict)
		wantError(t, "pull", tb.GitPull(ctx, clone, sandbox.GitCredentials{}), sandbox.ErrConflict)
	})
}
