package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/modeltest"
)

// TestLosingTheSandboxLosesNoWork: two checkpoints, then a sandbox that has
// only the template.
func TestLosingTheSandboxLosesNoWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: func(r modeltest.Request) modeltest.Answer {
		if r.Turn == 0 {
			name := r.Prompt[strings.LastIndexByte(r.Prompt, ' ')+1:]
			return modeltest.Call("", "Bash", object{"command": "echo " + name + " > " + name + "; rm -f index.html; printf '\\0\\1' > bin.dat"})
		}
		return modeltest.Text("ok")
	}})
	w.ask("make a.txt")
	w.ended(1)
	w.ask("make b.txt")
	w.ended(2)
	if c := w.commits(); len(c) != 2 || *c[0].Version != 2 {
		t.Fatalf("commits = %+v", c)
	}
	dir := t.TempDir()
	url := openToolbox(t, dir)
	work := filepath.Join(dir, "work")
	seed(t, work)
	write(t, filepath.Join(work, "node_modules/x/index.js"), "kept")
	write(t, filepath.Join(work, "stray.txt"), "of nobody")
	client, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	repos := agent.NewRepos(w.data)
	ok, err := repos.Restore(t.Context(), w.project, client.Toolbox("box-1"))
	if err != nil || !ok {
		t.Fatalf("Restore = %v, %v", ok, err)
	}
	if got := sh(t, work, "ls; git status --porcelain; git log --format=%s; cat node_modules/x/index.js"); got != "a.txt\nb.txt\nbin.dat\nnode_modules\nmake b.txt\nmake a.txt\nTemplate\nkept" {
		t.Errorf("restored = %q", got)
	}
	// A new checkpoint goes on from the restored one.
	write(t, filepath.Join(work, "c.txt"), "c")
	sh(t, work, "git add -A && git -c user.name=T -c user.email=t@t commit -q -m more")
	head := strings.TrimSpace(sh(t, work, "git rev-parse HEAD"))
	for range 2 { // saving is idempotent
		if err := repos.Save(t.Context(), w.project, client.Toolbox("box-1"), work, head, 3); err != nil {
			t.Fatal(err)
		}
	}
	if got := sh(t, w.data, "git --git-dir repos/"+string(w.project)+".git for-each-ref --format='%(refname)' refs/checkpoints"); got != "refs/checkpoints/1\nrefs/checkpoints/2\nrefs/checkpoints/3\n" {
		t.Errorf("refs = %q", got)
	}
	if err := repos.Remove(t.Context(), w.project); err != nil {
		t.Fatal(err)
	}
	if ok, err := repos.Restore(t.Context(), w.project, client.Toolbox("box-1")); ok || err != nil {
		t.Errorf("after Remove: Restore = %v, %v", ok, err)
	}
}

// TestHostileObjectsAreRefused: what a sandbox sends is checked object by
// object.
func TestHostileObjectsAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	client, err := dial(openToolbox(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	work, data := filepath.Join(dir, "work"), t.TempDir()
	seed(t, work)
	// A tree with an entry ".git" would plant a repository in a checkout.
	sha := strings.TrimSpace(sh(t, work, `blob=$(echo evil | git hash-object -w --stdin)
tree=$(printf '100644 blob %s\t.git\n' "$blob" | git -c core.protectHFS=false mktree --missing)
git -c user.name=T -c user.email=t@t commit-tree -m evil "$tree"`))
	err = agent.NewRepos(data).Save(t.Context(), "abc123", client.Toolbox("box-1"), work, sha, 1)
	if err == nil || !strings.Contains(err.Error(), "hasDotgit") {
		t.Errorf("Save = %v, want git to refuse the object", err)
	}
	if err := agent.NewRepos(data).Save(t.Context(), "../x", client.Toolbox("box-1"), work, sha, 1); err == nil {
		t.Error("a project id with a path was taken")
	}
	if left, err := filepath.Glob(filepath.Join(data, "repos", "bundle-*")); err != nil || len(left) != 0 {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(data, "x.git")); err == nil {
		t.Error("a repository outside of its folder")
	}
}

// TestCheckpoints: no change is no checkpoint, the agent's own commits count,
// and hooks do not run.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: func(r modeltest.Request) modeltest.Answer {
		prompt := r.Prompt[strings.LastIndexByte(r.Prompt, '\n')+1:]
		if r.Turn > 0 || prompt == "nothing" {
			return modeltest.Text("ok")
		}
		return modeltest.Call("", "Bash", object{"command": prompt})
	}})
	write(t, filepath.Join(w.work, ".git/hooks/pre-commit"), "#!/bin/sh\ntouch hooked; exit 1\n")
	if err := os.Chmod(filepath.Join(w.work, ".git/hooks/pre-commit"), 0o755); err != nil {
		t.Fatal(err)
	}
	sh(t, w.work, "git config core.fsmonitor 'touch watched; true' && git config commit.gpgsign true")
	write(t, filepath.Join(w.work, ".git/index.lock"), "") // of a git that was killed
	prompts := []string{
		"nothing",
		"echo 1 > one",
		"echo 1 > one",
		"echo 2 > two; git -c core.fsmonitor= add -A; git -c user.name=A -c user.email=a@a -c commit.gpgsign=false -c core.fsmonitor= commit --no-verify -q -m own",
		"rm two; echo 3 > 'odd näme'",
	}
	for i, p := range prompts {
		w.ask(p)
		w.ended(i + 1)
	}
	var got []string
	for _, c := range w.commits() {
		stats, _ := c.Stats.(object)
		files, _ := stats["files"].([]any)
		line := c.Message[:6]
		for _, f := range files {
			m, _ := f.(object)
			line += " " + m["path"].(string)
		}
		got = append(got, line)
	}
	if want := "rm two odd näme two,echo 2 two,echo 1 one"; strings.Join(got, ",") != want {
		t.Errorf("checkpoints = %q, want %q", strings.Join(got, ","), want)
	}
	if w.file("hooked") != "" || fileExists(filepath.Join(w.work, "watched")) {
		t.Error("a hook of the repository ran")
	}
	w.sound()
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
