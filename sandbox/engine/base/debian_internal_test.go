//go:build linux

package base

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAptSources(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"deb822": {
			files: map[string]string{"sources.list.d/debian.sources": `# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Enabled: no

Types: deb
URIs: https://other.example/tool
Suites: stable
Components: main
`},
			want: `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /keys/debian.gpg

`,
		},
		"one line each": {
			files: map[string]string{"sources.list": `deb [arch=amd64 signed-by=/keys/d.gpg] http://mirror.example/debian bookworm main contrib # here
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/security bookworm-security main
deb http://mirror.example/broken
`, "sources.list.d/x.list.disabled": "deb http://disabled.example bookworm main\n"},
			want: `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
Signed-By: /keys/d.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

`,
		},
		"another distribution": {
			files: map[string]string{"sources.list": "deb http://archive.example/ubuntu noble main\n"},
			want:  "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range tc.files {
				file = filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := aptSources(dir, "bookworm")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKeyFollowsTheRecipe(t *testing.T) {
	t.Parallel()
	m := machine{nodePackage: "n", bunPackage: "b"}
	r := Recipe{Name: "a", Suite: "s", Packages: []string{"git", "curl"}, Node: "24", Bun: "1", PackageJSON: []byte("{}")}
	same := r
	same.Packages = []string{"curl", "git"}
	if r.key(m, nil) != same.key(m, nil) {
		t.Error("the order of packages changes the key")
	}
	other := r
	other.PackageJSON = []byte("{} ")
	if r.key(m, nil) == other.key(m, nil) || r.key(m, nil) == r.key(machine{nodePackage: "n", bunPackage: "b-baseline"}, nil) {
		t.Error("different bases have one key")
	}
}
