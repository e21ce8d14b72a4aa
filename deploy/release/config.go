package release

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tailscale/hujson"

	"surgent.dev/surgent/deploy"
)

const (
	maxConfigBytes = 64 << 10
	maxConfigDepth = 32
	maxVars        = 64
	maxVarBytes    = 5 << 10
	maxFlags       = 32
	maxGlobs       = 100
	maxGlobBytes   = 256
)

var (
	bindingName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]{0,63}$`)
	flagName    = regexp.MustCompile(`^[a-z0-9_]{1,80}$`)
)

// config is what the allow-list takes of a wrangler file.
type config struct {
	Main               string                     `json:"main"`
	CompatibilityDate  string                     `json:"compatibility_date"`
	CompatibilityFlags []string                   `json:"compatibility_flags"`
	Assets             *assetsSection             `json:"assets"`
	Vars               map[string]json.RawMessage `json:"vars"`
	Rules              []moduleRule               `json:"rules"`

	warnings []string
}

type assetsSection struct {
	Directory        string          `json:"directory"`
	Binding          string          `json:"binding"`
	HTMLHandling     string          `json:"html_handling"`
	NotFoundHandling string          `json:"not_found_handling"`
	RunWorkerFirst   json.RawMessage `json:"run_worker_first"`
}

type moduleRule struct {
	Type        string   `json:"type"`
	Globs       []string `json:"globs"`
	Fallthrough bool     `json:"fallthrough"`
}

// bindings are the keys that would give the app something of the account that
// the platform deploys with. None can be owned by a project yet, so each is an
// error that names it, where silence would deploy an app that cannot work.
var bindings = map[string]string{
	"kv_namespaces": "KV", "d1_databases": "D1", "r2_buckets": "R2", "durable_objects": "Durable Object",
	"migrations": "Durable Object", "queues": "queue", "services": "service", "dispatch_namespaces": "dispatch",
	"hyperdrive": "Hyperdrive", "send_email": "e-mail", "secrets_store_secrets": "secrets", "ai": "AI",
	"vectorize": "Vectorize", "analytics_engine_datasets": "Analytics Engine", "browser": "browser",
	"images": "Images", "mtls_certificates": "mTLS", "workflows": "workflow", "pipelines": "pipeline",
	"version_metadata": "version", "ratelimits": "rate limit", "containers": "container", "worker_loaders": "loader",
	"vpc_services": "VPC", "ai_search": "AI Search", "media": "media", "wasm_modules": "wasm", "text_blobs": "text",
	"agent_memory": "agent memory", "k2": "K2", "artifacts": "artifacts", "flagship": "Flagship", "vpc_networks": "VPC",
	"ai_search_namespaces": "AI Search", "connect": "connect", "exports": "entrypoint",
	"data_blobs": "data", "cloudchamber": "container", "stream": "Stream", "unsafe_hello_world": "unsafe",
}

// refused are keys that change how the platform is reached or run.
var refused = []string{"unsafe", "route", "routes", "triggers", "crons", "tail_consumers", "streaming_tail_consumers", "site", "account_id", "zone_id", "logfwdr"}

// unused are keys that say how to build and develop, or that the platform
// decides by itself; an app works without them.
var unused = []string{
	"$schema", "name", "env", "configPath", "userConfigPath", "topLevelName", "definedEnvironments", "no_bundle", "dev", "build",
	"minify", "alias", "define", "tsconfig", "jsx_factory", "jsx_fragment", "base_dir", "find_additional_modules",
	"preserve_file_names", "upload_source_maps", "python_modules", "observability", "placement", "logpush", "limits",
	"workers_dev", "preview_urls", "keep_vars", "send_metrics", "legacy_env", "compliance_region", "first_party_worker",
}

// used are the keys of config.
var used = []string{"main", "compatibility_date", "compatibility_flags", "assets", "vars", "rules"}

// parseConfig reads a wrangler file: JSON with comments and trailing commas.
func parseConfig(name string, text []byte) (*config, error) {
	if len(text) > maxConfigBytes {
		return nil, deploy.Refuse("%s is larger than %d KiB", name, maxConfigBytes>>10)
	}
	text, err := hujson.Standardize(bytes.Clone(text))
	if err != nil {
		return nil, deploy.Refuse("%s cannot be read: %s", name, strings.TrimPrefix(err.Error(), "hujson: "))
	}
	if err := checkDepth(text); err != nil {
		return nil, deploy.Refuse("%s cannot be read: %v", name, err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, deploy.Refuse("%s cannot be read: it must be an object", name)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if isEmpty(keys[key]) {
			continue // expanded files list every key that there is
		}
		if kind, is := bindings[key]; is {
			return nil, deploy.Refuse("%s asks for %q (%s bindings), which this platform does not offer; remove it", name, key, kind)
		}
		if slices.Contains(refused, key) {
			return nil, deploy.Refuse("%s sets %q, which is the platform's to decide; remove it", name, key)
		}
	}
	c := &config{}
	if err := json.Unmarshal(text, c); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return nil, deploy.Refuse("%s: %q must not be a %s", name, wrong.Field, wrong.Value)
		}
		return nil, deploy.Refuse("%s cannot be read: %v", name, err)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(used, key) && !slices.Contains(unused, key) && !isEmpty(keys[key]) {
			c.warnings = append(c.warnings, fmt.Sprintf("The setting %.80q of %s is not used.", key, name))
		}
	}
	if !isEmpty(keys["env"]) {
		c.warnings = append(c.warnings, "The environments of "+name+" (\"env\") are not used.")
	}
	return c, c.check(name)
}

func (c *config) check(name string) error {
	if c.CompatibilityDate != "" {
		if _, err := time.Parse(time.DateOnly, c.CompatibilityDate); err != nil {
			return deploy.Refuse("%s: compatibility_date %q is no date like 2026-01-31", name, c.CompatibilityDate)
		}
	}
	if len(c.CompatibilityFlags) > maxFlags {
		return deploy.Refuse("%s has more than %d compatibility flags", name, maxFlags)
	}
	for _, flag := range c.CompatibilityFlags {
		if !flagName.MatchString(flag) {
			return deploy.Refuse("%s: %.80q is no compatibility flag", name, flag)
		}
	}
	if len(c.Vars) > maxVars {
		return deploy.Refuse("%s has more than %d vars", name, maxVars)
	}
	for key, value := range c.Vars {
		if !validVar(key) {
			return deploy.Refuse("%s: %.80q cannot be the name of a variable", name, key)
		}
		if len(value) > maxVarBytes {
			return deploy.Refuse("%s: the variable %s is larger than %d KiB", name, key, maxVarBytes>>10)
		}
	}
	globs := 0
	for _, rule := range c.Rules {
		globs += 1 + len(rule.Globs)
	}
	if globs > maxGlobs {
		return deploy.Refuse("%s has more than %d module rules", name, maxGlobs)
	}
	if c.Assets == nil {
		return nil
	}
	a := c.Assets
	if !slices.Contains([]string{"", "auto-trailing-slash", "drop-trailing-slash", "force-trailing-slash", "none"}, a.HTMLHandling) {
		return deploy.Refuse("%s: assets.html_handling cannot be %.80q", name, a.HTMLHandling)
	}
	if !slices.Contains([]string{"", "none", "404-page", "single-page-application"}, a.NotFoundHandling) {
		return deploy.Refuse("%s: assets.not_found_handling cannot be %.80q", name, a.NotFoundHandling)
	}
	if a.Binding != "" {
		if !validVar(a.Binding) {
			return deploy.Refuse("%s: %.80q cannot be the name of the assets binding", name, a.Binding)
		}
		if _, both := c.Vars[a.Binding]; both {
			return deploy.Refuse("%s: %s is both a variable and the assets binding", name, a.Binding)
		}
	}
	return nil
}

// validVar tells whether a variable or binding may have the name.
func validVar(name string) bool {
	return bindingName.MatchString(name) && name != "__proto__" && name != "constructor" && name != "prototype"
}

// workerFirst reads assets.run_worker_first, which is a boolean or globs.
func (a *assetsSection) workerFirst(name string) (all bool, globs []string, err error) {
	if len(a.RunWorkerFirst) == 0 || json.Unmarshal(a.RunWorkerFirst, &all) == nil {
		return all, nil, nil
	}
	if json.Unmarshal(a.RunWorkerFirst, &globs) != nil {
		return false, nil, deploy.Refuse("%s: assets.run_worker_first must be true, false or a list of patterns", name)
	}
	if len(globs) > maxGlobs {
		return false, nil, deploy.Refuse("%s: assets.run_worker_first has more than %d patterns", name, maxGlobs)
	}
	for _, glob := range globs {
		if !strings.HasPrefix(strings.TrimPrefix(glob, "!"), "/") || len(glob) > maxGlobBytes {
			return false, nil, deploy.Refuse("%s: the pattern %.80q of assets.run_worker_first must start with / or !/", name, glob)
		}
	}
	return false, globs, nil
}

// isEmpty tells whether a JSON value has nothing in it, however deep: null,
// false, "", 0 or only such in lists and objects.
func isEmpty(raw json.RawMessage) bool {
	if len(raw) == 0 {
		return true
	}
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return false
	}
	return emptyValue(v)
}

func emptyValue(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case float64:
		return v == 0
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !emptyValue(e) })
	case map[string]any:
		for _, e := range v {
			if !emptyValue(e) {
				return false
			}
		}
		return true
	}
	return false
}

func checkDepth(text []byte) error {
	tokens := json.NewDecoder(bytes.NewReader(text))
	for depth := 0; ; {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxConfigDepth {
				return errors.New("it is nested too deep")
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}
