package templates_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/templates"
)

func TestAllInOrder(t *testing.T) {
	t.Parallel()
	var slugs []string
	for _, tmpl := range templates.All() {
		slugs = append(slugs, tmpl.Slug)
		if tmpl.Name == "" || tmpl.Description == "" || tmpl.StartCommand == "" || len(tmpl.ContentHash) != 64 {
			t.Errorf("template %s is incomplete: %+v", tmpl.Slug, tmpl)
		}
	}
	if diff := cmp.Diff([]string{"web-app", "static-page"}, slugs); diff != "" {
		t.Error(diff)
	}
}

// What is embedded is what is in the repository: no file forgotten by a
// pattern, none that git ignores.
func TestEmbedsWhatGitKnows(t *testing.T) {
	t.Parallel()
	for _, tmpl := range templates.All() {
		folder := tmpl.Slug + "/project"
		out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", folder).Output()
		if err != nil {
			t.Skipf("no git work tree here: %v", err)
		}
		want := strings.Fields(strings.ReplaceAll(string(out), folder+"/", ""))
		var got []string
		err = fs.WalkDir(tmpl.Files, ".", func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				got = append(got, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
			t.Errorf("%s (-git +embedded):\n%s", tmpl.Slug, diff)
		}
	}
}

// A project starts offline: the base installs one set of packages, and a
// template that wanted another version would not find it.
func TestDependenciesAreTheBases(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../snapshots/default-env/package.json")
	if err != nil {
		t.Fatal(err)
	}
	base := dependencies(t, text)
	for _, tmpl := range templates.All() {
		text, err := fs.ReadFile(tmpl.Files, "package.json")
		if err != nil {
			t.Fatal(err)
		}
		for name, version := range dependencies(t, text) {
			if base[name] != version {
				t.Errorf("%s wants %s %s, the base has %q", tmpl.Slug, name, version, base[name])
			}
			if strings.ContainsAny(version, "^~*x> ") {
				t.Errorf("%s: %s %s is no exact version", tmpl.Slug, name, version)
			}
		}
	}
}

func TestLockfilesNameNoRegistry(t *testing.T) {
	t.Parallel()
	for _, tmpl := range templates.All() {
		text, err := fs.ReadFile(tmpl.Files, "bun.lock")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "://") {
			t.Errorf("%s: bun.lock names an address", tmpl.Slug)
		}
	}
}

func dependencies(t *testing.T, text []byte) map[string]string {
	t.Helper()
	var parsed struct {
		Dependencies    map[string]string `json:"dependencies"`
		DevDependencies map[string]string `json:"devDependencies"`
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	all := parsed.Dependencies
	if all == nil {
		all = map[string]string{}
	}
	for name, version := range parsed.DevDependencies {
		all[name] = version
	}
	return all
}
