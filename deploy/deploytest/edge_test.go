package deploytest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"surgent.dev/surgent/deploy/deploytest"
)

type obj = map[string]any

// good is a payload that the edge takes; each case bends one thing.
func good() (payload, config obj) {
	rules := obj{"html_handling": "none", "not_found_handling": "none"}
	config = obj{
		"name": "some-app", "main": "index.js", "compatibility_date": "2026-01-01", "compatibility_flags": []string{"nodejs_compat"},
		"vars": obj{"A": "b"}, "assets": with(rules, "binding", "ASSETS"),
	}
	return obj{
		"workerContent": "export default {}", "compatibilityFlags": []string{"nodejs_compat"},
		"assetsManifest": obj{"/a.txt": obj{"hash": "8f434346648f6b96df89dda901c5176b", "size": 2}},
		"files":          []obj{{"path": "/a.txt", "base64": "aGk="}}, "assetsConfig": rules,
		"additionalModules": []obj{{"name": "x.wasm", "content": "AGFzbQ==", "type": "wasm", "encoding": "base64"}},
	}, config
}

func with(o obj, key string, v any) obj {
	out := maps.Clone(o)
	out[key] = v
	return out
}

func post(t *testing.T, edge *deploytest.Edge, payload, config obj, change func(*http.Request)) (int, string) {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(with(payload, "wranglerConfig", string(text)))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://deploy.example/deploy", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer key")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	edge.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// The stand-in refuses what the real one refuses: one case for each.
func TestEdgeRefuses(t *testing.T) {
	t.Parallel()
	edge := deploytest.NewEdge("key")
	payload, config := good()
	if status, body := post(t, edge, payload, config, nil); status != http.StatusOK {
		t.Fatalf("the good one got %d %s", status, body)
	}
	file := obj{"path": "/a.txt", "base64": "aGk="}
	module := func(name, kind, content string) []obj { return []obj{{"name": name, "content": content, "type": kind}} }
	for name, bend := range map[string]func(p, c obj){
		"unknown field":           func(p, _ obj) { p["dispatchNamespace"] = "mine" },
		"unknown setting":         func(_, c obj) { c["kv_namespaces"] = []obj{{"binding": "KV", "id": "1"}} },
		"no name":                 func(_, c obj) { delete(c, "name") },
		"bad name":                func(_, c obj) { c["name"] = "Bad_Name-" },
		"no date":                 func(_, c obj) { delete(c, "compatibility_date") },
		"a date to come":          func(_, c obj) { c["compatibility_date"] = "2999-01-01" },
		"no worker":               func(p, _ obj) { p["workerContent"] = "" },
		"no main":                 func(_, c obj) { delete(c, "main") },
		"flags that differ":       func(p, _ obj) { p["compatibilityFlags"] = []string{} },
		"bad flag":                func(p, c obj) { p["compatibilityFlags"] = []string{"a b"}; c["compatibility_flags"] = []string{"a b"} },
		"bad variable":            func(_, c obj) { c["vars"] = obj{"a-b": "c"} },
		"large variable":          func(_, c obj) { c["vars"] = obj{"A": strings.Repeat("x", 6<<10)} },
		"variable and binding":    func(_, c obj) { c["vars"] = obj{"ASSETS": "c"} },
		"binding without assets":  func(p, _ obj) { p["assetsManifest"], p["files"] = obj{}, []obj{} },
		"assets without rules":    func(p, _ obj) { delete(p, "assetsConfig") },
		"manifest without file":   func(p, _ obj) { p["files"] = []obj{} },
		"file not in manifest":    func(p, _ obj) { p["files"] = []obj{{"path": "/b.txt", "base64": "aGk="}} },
		"file twice":              func(p, _ obj) { p["files"] = []obj{file, file} },
		"path without slash":      func(p, _ obj) { bendPath(p, "a.txt") },
		"path that climbs":        func(p, _ obj) { bendPath(p, "/../a.txt") },
		"not base64":              func(p, _ obj) { p["files"] = []obj{with(file, "base64", "%%%")} },
		"wrong size":              func(p, _ obj) { bendInfo(p, "size", 3) },
		"long hash":               func(p, _ obj) { bendInfo(p, "hash", strings.Repeat("0", 64)) },
		"wrong hash":              func(p, _ obj) { bendInfo(p, "hash", strings.Repeat("0", 32)) },
		"bad html_handling":       func(p, _ obj) { bendRule(p, "html_handling", "maybe") },
		"bad not_found_handling":  func(p, _ obj) { bendRule(p, "not_found_handling", "") },
		"bad run_worker_first":    func(p, _ obj) { bendRule(p, "run_worker_first", "/api/*") },
		"bad pattern":             func(p, _ obj) { bendRule(p, "run_worker_first", []string{"api/*"}) },
		"unknown rule":            func(p, _ obj) { bendRule(p, "serve_directly", true) },
		"bad binding":             func(_, c obj) { c["assets"] = obj{"binding": "a b"} },
		"module called as main":   func(p, _ obj) { p["additionalModules"] = module("index.js", "esm", "") },
		"module without a name":   func(p, _ obj) { p["additionalModules"] = module("", "esm", "") },
		"module of unknown type":  func(p, _ obj) { p["additionalModules"] = module("a.py", "python", "") },
		"wasm as text":            func(p, _ obj) { p["additionalModules"] = module("a.wasm", "wasm", "text") },
		"workerContent as number": func(p, _ obj) { p["workerContent"] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload, config := good()
			bend(payload, config)
			if status, body := post(t, edge, payload, config, nil); status != http.StatusInternalServerError || !strings.Contains(body, `"success":false`) {
				t.Errorf("it got %d %s", status, body)
			}
		})
	}
	for name, test := range map[string]struct {
		status int
		change func(*http.Request)
	}{
		"no secret":    {http.StatusUnauthorized, func(r *http.Request) { r.Header.Del("Authorization") }},
		"wrong secret": {http.StatusUnauthorized, func(r *http.Request) { r.Header.Set("Authorization", "Bearer other") }},
		"not JSON":     {http.StatusInternalServerError, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
		"GET":          {http.StatusInternalServerError, func(r *http.Request) { r.Method = http.MethodGet }},
	} {
		if status, body := post(t, edge, payload, config, test.change); status != test.status {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func bendPath(p obj, path string) {
	p["assetsManifest"] = obj{path: p["assetsManifest"].(obj)["/a.txt"]}
	p["files"] = []obj{{"path": path, "base64": "aGk="}}
}

func bendInfo(p obj, key string, v any) {
	p["assetsManifest"] = obj{"/a.txt": with(p["assetsManifest"].(obj)["/a.txt"].(obj), key, v)}
}

func bendRule(p obj, key string, v any) { p["assetsConfig"] = with(p["assetsConfig"].(obj), key, v) }
