package release_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
)

func build(t *testing.T, files map[string]string, change ...func(*release.Options)) (*deploy.Release, []string, error) {
	t.Helper()
	c, err := release.Collect(t.Context(), bytes.NewReader(pack(t, files)), openBlobs(t), release.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	o := release.Options{ID: "r1", ProjectID: "p1", Name: "my-app", DefaultDate: "2026-10-01"}
	for _, f := range change {
		f(&o)
	}
	return release.New(c, o)
}

// shape is a release without contents.
func shape(rel *deploy.Release) string {
	var b strings.Builder
	for _, m := range rel.Modules {
		fmt.Fprintf(&b, "%s %s\n", m.Type, m.Name)
	}
	for _, a := range rel.Assets {
		fmt.Fprintf(&b, "asset %s\n", a.Path)
	}
	return b.String()
}

func TestTemplateLayout(t *testing.T) {
	t.Parallel()
	rel, warnings, err := build(t, map[string]string{
		"wrangler.jsonc": `{
			// comment
			"name": "somebody-elses-app",
			"main": "worker/index.ts",
			"compatibility_date": "2026-07-01",
			"compatibility_flags": ["nodejs_compat"],
			"assets": {"directory": "./dist/client", "binding": "ASSETS",
				"not_found_handling": "single-page-application", "run_worker_first": ["/api/*", "!/api/docs"],},
			"vars": {"PLAIN": "a\"b", "N": 7, "O": {"x": [1]}},
		}`,
		"dist/index.js":                 "export default {}",
		"dist/index.js.map":             "{}",
		"dist/chunks/a.js":              "export {}",
		"dist/lib.wasm":                 "\x00asm",
		"dist/.dev.vars":                "SECRET=1",
		"dist/client/index.html":        "<p>",
		"dist/client/assets/app.js":     "1",
		"dist/client/_headers":          "/*\n  X-A: b\n",
		"dist/client/_redirects":        "/a /b\n",
		"dist/client/.assetsignore":     "*.map\n",
		"dist/client/assets/app.js.map": "{}",
		"dist/client/.env.production":   "SECRET=1",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "esm index.js\nesm chunks/a.js\nwasm lib.wasm\nasset /assets/app.js\nasset /index.html\n"
	if diff := cmp.Diff(want, shape(rel)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(deploy.AssetsConfig{
		NotFoundHandling: "single-page-application", WorkerFirstGlobs: []string{"/api/*", "!/api/docs"},
		Binding: "ASSETS", Headers: "/*\n  X-A: b\n", Redirects: "/a /b\n",
	}, rel.AssetsConfig); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"PLAIN": `a"b`}, rel.Vars); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]json.RawMessage{"N": json.RawMessage("7"), "O": json.RawMessage(`{"x": [1]}`)}, rel.JSONVars); diff != "" {
		t.Error(diff)
	}
	// The name is the server's, whatever the file says.
	if rel.Name != "my-app" || rel.CompatibilityDate != "2026-07-01" || rel.ProjectID != "p1" {
		t.Errorf("release is %+v", rel)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], ".env.production") {
		t.Errorf("warnings: %q", warnings)
	}
}

// The form that the edge platform's own bundler plugin leaves behind, as its
// version 1.64.0 wrote it for a worker that imports text and wasm.
func TestRedirectedLayout(t *testing.T) {
	t.Parallel()
	rel, warnings, err := build(t, map[string]string{
		"wrangler.jsonc":               `{"name": "cf-app", "main": "worker/index.ts", "kv_namespaces": [{"binding": "of another environment"}]}`,
		".wrangler/deploy/config.json": `{"configPath":"../../dist/cf_app/wrangler.json","auxiliaryWorkers":[]}`,
		"dist/cf_app/wrangler.json": `{"configPath":"/home/somebody/app/wrangler.jsonc","userConfigPath":"/home/somebody/app/wrangler.jsonc",
			"topLevelName":"cf-app","definedEnvironments":[],"compatibility_date":"2026-07-01","compatibility_flags":[],
			"jsx_factory":"React.createElement","jsx_fragment":"React.Fragment","rules":[{"type":"ESModule","globs":["**/*.js","**/*.mjs"]}],
			"name":"cf-app","main":"index.js","triggers":{},"assets":{"not_found_handling":"single-page-application","run_worker_first":["/api/*"],
			"directory":"../client"},"vars":{"A":"b"},"durable_objects":{"bindings":[]},"workflows":[],"migrations":[],"exports":{},
			"kv_namespaces":[],"cloudchamber":{},"send_email":[],"queues":{"producers":[],"consumers":[]},"connect":[],"r2_buckets":[],
			"d1_databases":[],"vectorize":[],"ai_search_namespaces":[],"ai_search":[],"agent_memory":[],"hyperdrive":[],"services":[],
			"analytics_engine_datasets":[],"dispatch_namespaces":[],"mtls_certificates":[],"pipelines":[],"k2":[],"secrets_store_secrets":[],
			"artifacts":[],"unsafe_hello_world":[],"flagship":[],"worker_loaders":[],"ratelimits":[],"vpc_services":[],"vpc_networks":[],
			"logfwdr":{"bindings":[]},"upload_source_maps":true,"python_modules":{"exclude":["**/*.pyc"]},"dev":{"ip":"localhost",
			"local_protocol":"http","upstream_protocol":"http","enable_containers":true,"generate_types":false},"no_bundle":true}`,
		"dist/cf_app/.dev.vars":                   "A=secret",
		"dist/cf_app/.vite/manifest.json":         "{}",
		"dist/cf_app/assets/add-DkMAU0Nf.wasm":    "\x00asm",
		"dist/cf_app/assets/hello-GkxdtKUQ.txt":   "hello text",
		"dist/cf_app/assets/lazy-qOhoYfPs.js":     "export {}",
		"dist/cf_app/assets/lazy-qOhoYfPs.js.map": "{}",
		"dist/cf_app/index.js":                    "export default {}",
		"dist/cf_app/index.js.map":                "{}",
		"dist/client/.assetsignore":               "wrangler.json\n.dev.vars\n",
		"dist/client/index.html":                  "<p>",
		"dist/client/assets/index-Da9sGnYC.js":    "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "esm index.js\nwasm assets/add-DkMAU0Nf.wasm\ntext assets/hello-GkxdtKUQ.txt\nesm assets/lazy-qOhoYfPs.js\n" +
		"asset /assets/index-Da9sGnYC.js\nasset /index.html\n"
	if diff := cmp.Diff(want, shape(rel)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/api/*"}, rel.AssetsConfig.WorkerFirstGlobs); diff != "" || rel.Vars["A"] != "b" || len(warnings) != 0 {
		t.Errorf("%s, vars %v, warnings %q", diff, rel.Vars, warnings)
	}
}

// A setting that nobody here knows is said to have no effect.
func TestUnknownSettings(t *testing.T) {
	t.Parallel()
	_, warnings, err := build(t, map[string]string{"wrangler.jsonc": `{"observability":{"enabled":true},"new_thing":{"x":1},"other_thing":[]}`, "dist/index.html": "x"})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], `"new_thing"`) {
		t.Errorf("%q, %v", warnings, err)
	}
}

func TestStaticLayouts(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"template":         {"wrangler.jsonc": `{"assets":{"directory":"dist/client"}}`, "dist/client/index.html": "x"},
		"no config":        {"dist/index.html": "x"},
		"stale redirect":   {".wrangler/deploy/config.json": `{"configPath":"../../gone.json"}`, "dist/index.html": "x"},
		"another folder":   {"wrangler.json": `{"assets":{"directory":"./dist/site/"}}`, "dist/site/index.html": "x"},
		"worker not named": {"wrangler.jsonc": `{}`, "dist/client/index.html": "x", "dist/index.js": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rel, _, err := build(t, files)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("asset /index.html\n", shape(rel)); diff != "" {
				t.Error(diff)
			}
			if rel.CompatibilityDate == "" {
				t.Error("no compatibility date")
			}
		})
	}
}

func TestRefusedBuilds(t *testing.T) {
	t.Parallel()
	config := func(text string) map[string]string {
		return map[string]string{"wrangler.jsonc": text, "dist/client/index.html": "x", "dist/index.js": "1"}
	}
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"KV", config(`{"kv_namespaces":[{"binding":"KV","id":"someone-elses"}]}`), `"kv_namespaces"`},
		{"D1", config(`{"d1_databases":[{"binding":"DB","database_id":"x"}]}`), `"d1_databases"`},
		{"R2", config(`{"r2_buckets":[{"binding":"B","bucket_name":"x"}]}`), `"r2_buckets"`},
		{"durable objects", config(`{"durable_objects":{"bindings":[{"name":"A","class_name":"A"}]}}`), `"durable_objects"`},
		{"services", config(`{"services":[{"binding":"A","service":"other-tenant"}]}`), `"services"`},
		{"dispatch", config(`{"dispatch_namespaces":[{"binding":"A","namespace":"production"}]}`), `"dispatch_namespaces"`},
		{"secrets store", config(`{"secrets_store_secrets":[{"binding":"A"}]}`), `"secrets_store_secrets"`},
		{"unsafe", config(`{"unsafe":{"bindings":[{"name":"x","type":"y"}]}}`), `"unsafe"`},
		{"routes", config(`{"routes":["example.com/*"]}`), `"routes"`},
		{"crons", config(`{"triggers":{"crons":["* * * * *"]}}`), `"triggers"`},
		{"tail", config(`{"tail_consumers":[{"service":"x"}]}`), `"tail_consumers"`},
		{"account", config(`{"account_id":"abc"}`), `"account_id"`},
		{"not JSON", config(`name = "x"`), "cannot be read"},
		{"not an object", config(`[1]`), "must be an object"},
		{"wrong type", config(`{"main": 7}`), `"main" must not be a number`},
		{"deep", config(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), "too deep"},
		{"huge", config(`{"a":"` + strings.Repeat("x", 64<<10) + `"}`), "larger than 64 KiB"},
		{"date", config(`{"compatibility_date":"tomorrow"}`), "no date"},
		{"flag", config(`{"compatibility_flags":["a b"]}`), "no compatibility flag"},
		{"var name", config(`{"vars":{"a-b":"x"}}`), "name of a variable"},
		{"prototype", config(`{"vars":{"__proto__":"x"}}`), "name of a variable"},
		{"var size", config(`{"vars":{"A":"` + strings.Repeat("x", 6000) + `"}}`), "larger than 5 KiB"},
		{"binding clash", config(`{"vars":{"A":"x"},"assets":{"binding":"A"}}`), "both a variable"},
		{"html handling", config(`{"assets":{"html_handling":"x"}}`), "html_handling"},
		{"not found handling", config(`{"assets":{"not_found_handling":"x"}}`), "not_found_handling"},
		{"worker first", config(`{"assets":{"run_worker_first":"x"}}`), "run_worker_first"},
		{"worker first glob", config(`{"assets":{"run_worker_first":["api"]}}`), "must start with"},
		{"assets outside", config(`{"assets":{"directory":"../../etc"}}`), "outside"},
		{"assets absolute", config(`{"assets":{"directory":"/etc"}}`), "outside"},
		{"assets missing", config(`{"assets":{"directory":"./public"}}`), "not below dist"},
		{"assets everything", config(`{"assets":{"directory":"."}}`), "not below dist"},
		{"no worker built", map[string]string{"wrangler.jsonc": `{"main":"a.ts"}`, "dist/client/index.html": "x"}, "made neither"},
		{"nothing", map[string]string{"wrangler.jsonc": `{}`}, "nothing to deploy"},
		{"toml", map[string]string{"wrangler.toml": "x", "dist/index.html": "x"}, "wrangler.toml"},
		{"CommonJS", map[string]string{"wrangler.jsonc": `{"main":"dist/index.js","rules":[{"type":"CommonJS","globs":["**/*.cjs"]}]}`, "dist/index.js": "1", "dist/a.cjs": "1"}, `"CommonJS"`},
		{"module not UTF-8", map[string]string{"wrangler.jsonc": `{"main":"dist/index.js"}`, "dist/index.js": "\xff"}, "not UTF-8"},
		{"module name", map[string]string{"wrangler.jsonc": `{"main":"dist/index.js"}`, "dist/index.js": "1", `dist/a".js`: "1"}, "module name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := build(t, test.files)
			if !errors.Is(err, deploy.ErrRefused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a refusal with %q", err, test.want)
			}
			if reason, ok := release.IsRefused(err); err != nil && (!ok || !strings.EqualFold(reason, err.Error())) {
				t.Errorf("the reason is %q, %v", reason, ok)
			}
		})
	}
}

func TestServerDecides(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"wrangler.jsonc":         `{"compatibility_date":"2030-01-01","vars":{"A":"file","B":{"x":1}}}`,
		"dist/client/index.html": "x",
	}
	rel, warnings, err := build(t, files, func(o *release.Options) { o.Vars = map[string]string{"A": "owner", "B": "owner"} })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"A": "owner", "B": "owner"}, rel.Vars); diff != "" || len(rel.JSONVars) != 0 {
		t.Error(diff, rel.JSONVars)
	}
	if rel.CompatibilityDate != "2026-10-01" || len(warnings) != 1 {
		t.Errorf("date %s, warnings %q", rel.CompatibilityDate, warnings)
	}
	for _, name := range []string{"", "a", "api", "www", "preview-x", "3000-x", "A-b", "a--", "-ab", "xn--a", strings.Repeat("a", 41)} {
		if _, _, err := build(t, files, func(o *release.Options) { o.Name = name }); !errors.Is(err, deploy.ErrRefused) {
			t.Errorf("the name %q was taken: %v", name, err)
		}
	}
}

func TestSanitizeName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"My App!":                       "my-app",
		"--a__b--":                      "a-b",
		"Über Ünïcode":                  "ber-n-code",
		"":                              "",
		strings.Repeat("a", 39) + "-bc": strings.Repeat("a", 39),
	} {
		if got := release.SanitizeName(text); got != want {
			t.Errorf("SanitizeName(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestSweepKeepsYoungAndKept(t *testing.T) {
	t.Parallel()
	blobs := openBlobs(t)
	kept, _, err := blobs.Put(strings.NewReader("kept"))
	if err != nil {
		t.Fatal(err)
	}
	loose, _, err := blobs.Put(strings.NewReader("loose"))
	if err != nil {
		t.Fatal(err)
	}
	keep := func(hash string) bool { return hash == kept }
	if n, err := blobs.Sweep(keep, time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("swept %d young blobs, %v", n, err)
	}
	if err := blobs.Touch(loose, time.Now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n, err := blobs.Sweep(keep, time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("swept %d blobs that were touched, %v", n, err)
	}
	if err := blobs.Touch(loose, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, unknown := range []string{strings.Repeat("0", 64), "../x", ""} {
		if err := blobs.Touch(unknown, time.Now()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("touched %q: %v", unknown, err)
		}
	}
	if n, err := blobs.Sweep(keep, time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if _, err := blobs.Read(kept); err != nil {
		t.Error(err)
	}
	if _, err := blobs.Read(loose); err == nil {
		t.Error("the loose blob is still there")
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"main":"dist/index.js","assets":{"directory":"./dist/client","run_worker_first":["/a*"]},"vars":{"A":1}}`), []byte("*.map\n!a/**/b\n"))
	f.Add([]byte(`{/* c */ "rules":[{"type":"Text","globs":["**/*"]}],}`), []byte("{a,b}\n[a-\n"))
	blobs := openBlobs(f)
	f.Fuzz(func(t *testing.T, config, ignored []byte) {
		stream := pack(t, map[string]string{
			"wrangler.jsonc": string(config), "dist/index.js": "export default {}", "dist/client/index.html": "x",
			"dist/client/a/b.js": "x", "dist/client/.assetsignore": string(ignored),
		})
		c, err := release.Collect(t.Context(), bytes.NewReader(stream), blobs, release.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		rel, _, err := release.New(c, release.Options{Name: "my-app", DefaultDate: "2026-10-01"})
		if err != nil {
			if !errors.Is(err, deploy.ErrRefused) {
				t.Errorf("not a refusal: %v", err)
			}
			return
		}
		if rel.Name != "my-app" {
			t.Errorf("the name became %q", rel.Name)
		}
	})
}
