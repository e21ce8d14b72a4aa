package internal_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "surgent.dev/surgent"

// floor says what the packages under a folder may import of this module.
type floor struct {
	under string   // folder, or a package when it ends without "/"
	may   []string // folders it may import; its own is always allowed
}

// floors is the house, from the ground up. The first entry that matches a
// package decides; a package that none matches fails the test.
var floors = []floor{
	{"internal/kit/", nil},
	{"convex/value", nil},
	{"convex/schema", []string{"convex/value"}},
	{"convex/stream", []string{"convex/value"}},
	{"convex/store", []string{"convex/schema", "convex/value"}},
	{"convex/feed", []string{"convex/store"}},
	{"convex/function", []string{"convex/store", "convex/schema", "convex/stream", "convex/value"}},
	{"convex/live", []string{"convex/function", "convex/feed", "convex/store", "convex/schema", "convex/stream", "convex/value"}},
	{"convex/job", []string{"convex/function", "convex/store", "convex/schema", "convex/value"}},
	{"convex/wire", []string{"convex/live", "convex/function", "convex/store", "convex/schema", "convex/stream", "convex/value"}},
	{"convex/auth", []string{"convex/function", "convex/store", "convex/schema", "convex/value"}},
	{"convex", nil}, // the runtime, which joins its parts
	{"sandbox/", []string{"internal/kit/", "snapshots"}},
	{"model/", []string{"internal/kit/"}},
	{"deploy/", []string{"internal/kit/"}},
	{"templates", nil},
	{"snapshots", nil},
	{"web", nil},
	{"internal/builder/users", product()},
	{"internal/builder/devserver", []string{"internal/kit/", "sandbox"}},
	{"internal/builder/templates", product("users", "devserver")},
	{"internal/builder/projects", product("users", "devserver", "templates")},
	{"internal/builder/sessions", product("users", "projects")},
	{"internal/builder/files", product("users", "projects")},
	{"internal/builder/config", product("users", "projects")},
	{"internal/builder/commits", product("users", "projects", "sessions")},
	{"internal/builder/deployments", product("users", "projects", "sessions", "commits")},
	{"internal/builder/agent", product("users", "projects", "sessions", "commits")},
	{"internal/server/", []string{"internal/kit/", "convex/", "sandbox/", "deploy/", "internal/builder/", "web"}},
	{"internal/config", []string{"internal/kit/"}},
	{"internal/app", []string{""}},
	{"cmd/surgent-toolbox", []string{"sandbox/toolbox", "internal/kit/"}},
	{"cmd/", []string{""}},
	{"e2e/", []string{""}},
	{"bench/", []string{""}},
	{"scripts/", []string{""}},
	{"internal", nil}, // this test
}

// product returns what a module of the product may import: the engines, and
// the modules below it.
func product(modules ...string) []string {
	may := []string{"internal/kit/", "convex/", "sandbox/", "model/", "deploy/", "templates"}
	for _, m := range modules {
		may = append(may, "internal/builder/"+m)
	}
	return may
}

// doors are the folders of internal/server that never import one another.
var doors = []string{"apps", "health", "preview", "workspace"}

// drivers may be imported by app and cmd, by their own folder, and by tests.
var drivers = []string{
	"convex/store/sqlite", "sandbox/daytona", "sandbox/engine", "model/anthropic", "model/demo",
	"deploy/webhook", "deploy/workerd",
}

// exceptions are single imports that break a rule, each with its reason.
var exceptions = map[string]string{}

type pkg struct {
	ImportPath string
	Doc        string
	Name       string
	GoFiles    []string
	Imports    []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,Name,GoFiles,Imports", "./...")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS=linux")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(p.ImportPath, "/node_modules/") {
			continue // npm packages that ship Go files are not ours
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

func within(path, folder string) bool {
	if folder == "" {
		return true
	}
	clean := strings.TrimSuffix(folder, "/")
	return path == clean || strings.HasPrefix(path, clean+"/")
}

func floorOf(path string) (floor, bool) {
	for _, f := range floors {
		if within(path, f.under) {
			return f, true
		}
	}
	return floor{}, false
}

func TestImportsOnlyGoDown(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		f, ok := floorOf(path)
		if !ok {
			t.Errorf("%s stands on no floor: add its folder to the table", path)
			continue
		}
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, module) {
				continue
			}
			to := strings.TrimPrefix(imp, module+"/")
			if exceptions[path+" -> "+to] != "" {
				continue
			}
			allowed := within(to, f.under)
			for _, m := range f.may {
				allowed = allowed || within(to, m)
			}
			if !allowed {
				t.Errorf("%s imports %s, which is not below it", path, to)
			}
			for _, d := range drivers {
				if within(to, d) && !within(path, d) && !within(path, "internal/app") &&
					!within(path, "cmd") && !within(path, "e2e") && !within(path, "bench") {
					t.Errorf("%s imports the driver %s: only app joins drivers", path, to)
				}
			}
		}
	}
}

func TestDoorsDoNotKnowEachOther(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, p := range list(t) {
		for _, from := range doors {
			if p.ImportPath != module+"/internal/server/"+from {
				continue
			}
			seen++
			for _, to := range doors {
				if to != from && slices.Contains(p.Imports, module+"/internal/server/"+to) {
					t.Errorf("the door %s imports the door %s", from, to)
				}
			}
		}
	}
	if seen != len(doors) {
		t.Errorf("found %d doors of %d", seen, len(doors))
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
