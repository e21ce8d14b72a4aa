//go:build linux

package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree returns the files below dir with what is in them.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		rel, rerr := filepath.Rel(dir, name)
		if err == nil {
			err = rerr
		}
		found[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The hosts of tests may have version 1 alone; what is written for version 2 is
// looked at in an ordinary folder.
func TestUnifiedGroups(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	g := &cgroups{parents: map[string]string{}}
	if err := g.openUnified(filepath.Join(root, "surgent-abcd")); err != nil {
		t.Fatal(err)
	}
	enter, err := g.make("box", Limits{CPU: 1.5, Memory: 1 << 30, PIDs: 300})
	if err != nil {
		t.Fatal(err)
	}
	group := filepath.Join(root, "surgent-abcd", "box")
	if diff := cmp.Diff([]string{filepath.Join(group, "cgroup.procs")}, enter); diff != "" {
		t.Error(diff)
	}
	want := map[string]string{
		"cgroup.subtree_control":              "+memory +pids +cpu",
		"surgent-abcd/cgroup.subtree_control": "+memory +pids +cpu",
		"surgent-abcd/box/memory.max":         "1073741824",
		"surgent-abcd/box/memory.swap.max":    "0",
		"surgent-abcd/box/pids.max":           "300",
		"surgent-abcd/box/cpu.max":            "150000 100000",
	}
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Error(diff)
	}
	// Again, as after a stop, with other limits.
	if _, err := g.make("box", Limits{CPU: 1, Memory: 1 << 20, PIDs: 5}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, group); got["memory.max"] != "1048576" || got["cpu.max"] != "100000 100000" || got["pids.max"] != "5" {
		t.Errorf("%v", got)
	}
	// A kernel's groups are empty folders to rmdir.
	empty := func(dir string) {
		t.Helper()
		for name := range tree(t, dir) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(root, "surgent-abcd", "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	g.sweep(func(id string) bool { return id == "box" })
	if _, err := os.Stat(filepath.Join(root, "surgent-abcd", "old")); !os.IsNotExist(err) {
		t.Errorf("a group that nobody keeps is left: %v", err)
	}
	empty(group)
	g.remove("box")
	empty(filepath.Join(root, "surgent-abcd"))
	g.close()
	if left, err := filepath.Glob(filepath.Join(root, "surgent-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestVersionOneGroups(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	g := &cgroups{parents: map[string]string{}}
	for _, c := range cgroupControllers {
		dir := filepath.Join(root, c)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		g.parents[c] = dir
	}
	enter, err := g.make("box", Limits{CPU: 0.5, Memory: 4096, PIDs: 7})
	if err != nil || len(enter) != 3 {
		t.Fatal(enter, err)
	}
	want := map[string]string{
		"memory/box/memory.limit_in_bytes": "4096", "pids/box/pids.max": "7",
		"cpu/box/cpu.cfs_period_us": "100000", "cpu/box/cpu.cfs_quota_us": "50000",
	}
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Error(diff)
	}
}
