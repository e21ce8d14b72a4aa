package files

import (
	"path"
	"strings"
	"testing"
)

// A mere prefix would admit /workspace-x; .git is protected.
func TestClean(t *testing.T) {
	t.Parallel()
	const root = "/workspace"
	for in, want := range map[string]string{
		"":                             ".",
		".":                            ".",
		"/workspace":                   ".",
		"/workspace/":                  ".",
		"src/App.tsx":                  "src/App.tsx",
		"./src//App.tsx":               "src/App.tsx",
		"/workspace/src/../a":          "a",
		"src/.gitignore":               "src/.gitignore",
		".gitignore":                   ".gitignore",
		"vendor/.git/config":           "vendor/.git/config",
		"a/../../workspace/b":          "b",
		"..":                           "",
		"../workspace-x/a":             "",
		"/workspace-x/a":               "",
		"/etc/passwd":                  "",
		"a/../../../etc/passwd":        "",
		".git":                         "",
		".GIT/config":                  "",
		"src/../.git/hooks/pre-commit": "",
		"a\x00b":                       "",
	} {
		got, err := clean(root, in)
		if (err != nil) != (want == "") || got != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"a/b", "../x", "/workspace/../..", ".git/x", "a\x00", "/workspace/.git/../.git"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		rel, err := clean("/workspace", p)
		if err != nil {
			return
		}
		full := path.Join("/workspace", rel)
		if full != "/workspace" && !strings.HasPrefix(full, "/workspace/") {
			t.Errorf("%q leads to %q", p, full)
		}
		if first, _, _ := strings.Cut(rel, "/"); strings.EqualFold(first, ".git") {
			t.Errorf("%q leads into the repository", p)
		}
	})
}
