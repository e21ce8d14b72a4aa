package app

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"surgent.dev/surgent/convex/function"
)

// rule says what a public function answers to those who may not use it: a
// value as JSON, or the text of an error.
type rule struct {
	kind      string
	args      func(f fixture) obj
	anonymous string
	stranger  string
}

// fixture is what the owner has and others know the ids of.
type fixture struct{ project, session string }

const (
	unauthenticated = "error Unauthenticated"
	forbidden       = "error Forbidden"
)

func ofProject(more ...any) func(fixture) obj {
	return func(f fixture) obj { return with(obj{"projectId": f.project}, more) }
}

func ofSession(more ...any) func(fixture) obj {
	return func(f fixture) obj { return with(obj{"sessionId": f.session}, more) }
}

func with(o obj, more []any) obj {
	for i := 0; i+1 < len(more); i += 2 {
		o[more[i].(string)] = more[i+1]
	}
	return o
}

func nothing(fixture) obj { return obj{} }

// rules names every public function. A function that is missing here fails
// the test, so that none is added without saying who may use it.
var rules = map[string]rule{
	"auth:isAuthenticated": {"query", nothing, "false", "true"},
	"auth:loggedInUser":    {"query", nothing, "null", ""},
	"auth:signIn":          {"action", nothing, "error Cannot sign in", "error Cannot sign in"},
	"auth:signOut":         {"action", nothing, "null", ""},
	"config:client":        {"query", nothing, "", ""},

	"projects:listTemplates":                    {"query", nothing, "[]", ""},
	"projects:listProjects":                     {"query", nothing, "[]", "[]"},
	"projects:getProject":                       {"query", ofProject(), "null", "null"},
	"projects:getProjectStats":                  {"query", ofProject(), "null", "null"},
	"projects:createProject":                    {"mutation", func(fixture) obj { return obj{"name": "X"} }, unauthenticated, ""},
	"projects:renameProject":                    {"mutation", ofProject("name", "Y"), unauthenticated, forbidden},
	"projects:setPublic":                        {"mutation", ofProject("public", true), unauthenticated, forbidden},
	"projects:deleteProject":                    {"mutation", ofProject(), unauthenticated, forbidden},
	"projects:wakeSandbox":                      {"mutation", ofProject(), unauthenticated, forbidden},
	"projects:activateProject":                  {"mutation", ofProject(), unauthenticated, forbidden},
	"projects:setProjectSandboxRunIndefinitely": {"mutation", ofProject(), unauthenticated, forbidden},
	"projects:deployProject":                    {"mutation", ofProject("deployName", "stolen"), unauthenticated, forbidden},
	"projects:previewLink":                      {"action", ofProject(), unauthenticated, forbidden},

	"sessions:getSession":               {"query", ofSession(), "null", "null"},
	"sessions:listSessionsByProject":    {"query", ofProject(), "[]", "[]"},
	"sessions:listMessagesBySession":    {"query", ofSession(), "[]", "[]"},
	"sessions:listMessagesPage":         {"query", ofSession("paginationOpts", obj{"numItems": 10, "cursor": nil}), emptyPage, emptyPage},
	"sessions:createSession":            {"mutation", ofProject(), unauthenticated, forbidden},
	"sessions:renameSession":            {"mutation", ofSession("title", "Z"), unauthenticated, forbidden},
	"sessions:deleteSession":            {"mutation", ofSession(), unauthenticated, forbidden},
	"sessions:stopAgent":                {"mutation", ofSession(), unauthenticated, forbidden},
	"sessions:createMessageAndRunAgent": {"mutation", both("prompt", "hi"), unauthenticated, forbidden},

	// Not anybody's to add to or to read.
	"commits:saveCheckpoint": {"mutation", both("sha", "abcdef0"), unauthenticated, forbidden},
	"commits:listBySession":  {"query", ofSession(), "[]", "[]"},
	"commits:listByProject":  {"query", ofProject(), "[]", "[]"},

	"runs:listBySession": {"query", ofSession(), "[]", "[]"},

	"files:listFiles":      {"action", ofProject(), unauthenticated, forbidden},
	"files:getFileDetails": {"action", ofProject("path", "a"), unauthenticated, forbidden},
	"files:getFileTree":    {"action", ofProject(), unauthenticated, forbidden},
	"files:readFile":       {"action", ofProject("path", "a"), unauthenticated, forbidden},
	"files:createFolder":   {"action", ofProject("path", "a"), unauthenticated, forbidden},
	"files:deleteFile":     {"action", ofProject("path", "a"), unauthenticated, forbidden},
	"files:moveFiles":      {"action", ofProject("source", "a", "destination", "b"), unauthenticated, forbidden},
	"files:uploadFile":     {"action", ofProject("path", "a", "content", ""), unauthenticated, forbidden},
	"files:searchFiles":    {"action", ofProject("pattern", "*"), unauthenticated, forbidden},
	"files:findFiles":      {"action", ofProject("pattern", "x"), unauthenticated, forbidden},
	"files:replaceInFiles": {"action", ofProject("files", []string{"a"}, "pattern", "x", "newValue", "y"), unauthenticated, forbidden},

	"deployments:listByProject": {"query", ofProject(), "[]", "[]"},
	"deployments:checkName":     {"query", ofProject("name", "todo"), "null", "null"},
	"deployments:appLog":        {"action", ofProject(), unauthenticated, forbidden},

	// Their argument is a run, which the test of the agent makes.
	"runs:streamHead":  {},
	"runs:streamChunk": {},
	"runs:toolOutput":  {},
}

const emptyPage = `{"continueCursor":"","isDone":true,"page":[]}`

func both(more ...any) func(fixture) obj {
	return func(f fixture) obj { return with(obj{"projectId": f.project, "sessionId": f.session}, more) }
}

func TestEveryPublicFunctionKnowsItsOwner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, name := range b.registry.Names() {
		p, err := function.ParsePath(name)
		if err != nil {
			t.Fatal(err)
		}
		if f, _ := b.registry.Lookup(p); !f.Internal {
			if _, ok := rules[name]; !ok {
				t.Errorf("%s is public and has no rule", name)
			}
		}
	}
	owner, stranger, nobody := b.guest(t), b.guest(t), b.anonymous()
	var f fixture
	f.project, f.session = owner.project(t, "Mine")
	before, _ := owner.call(t, "query", "projects:getProject", obj{"projectId": f.project})

	for _, name := range slices.Sorted(maps.Keys(rules)) {
		r := rules[name]
		if r.kind == "" {
			continue
		}
		check(t, nobody, "anonymous", name, r, f, r.anonymous)
		check(t, stranger, "a stranger", name, r, f, r.stranger)
		if name == "auth:signOut" || name == "projects:createProject" {
			stranger = b.guest(t) // they have changed who the stranger is
		}
	}
	var after struct {
		Name       string `json:"name"`
		Settings   any    `json:"settings"`
		Deployment any    `json:"deployment"`
	}
	owner.must(t, "query", "projects:getProject", obj{"projectId": f.project}, &after)
	if after.Name != "Mine" || after.Settings != nil || after.Deployment != nil {
		t.Errorf("strangers changed the project: %+v, before %s", after, before)
	}
	var sessionsNow []any
	owner.must(t, "query", "sessions:listSessionsByProject", obj{"projectId": f.project}, &sessionsNow)
	if len(sessionsNow) != 1 {
		t.Errorf("strangers changed the sessions: %v", sessionsNow)
	}
}

func check(t *testing.T, p *person, who, name string, r rule, f fixture, want string) {
	t.Helper()
	if want == "" {
		return
	}
	raw, failed := p.call(t, r.kind, name, r.args(f))
	text, wantsError := strings.CutPrefix(want, "error ")
	switch {
	case wantsError && failed == nil:
		t.Errorf("%s to %s: answered %s", name, who, raw)
	case wantsError && !strings.Contains(failed.text, text):
		t.Errorf("%s to %s: %q, want %q", name, who, failed.text, text)
	case !wantsError && failed != nil:
		t.Errorf("%s to %s: failed with %q", name, who, failed.text)
	case !wantsError && string(raw) != want:
		t.Errorf("%s to %s: %s, want %s", name, who, raw, want)
	}
}
