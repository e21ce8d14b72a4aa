package release

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"surgent.dev/surgent/deploy"
)

const (
	maxModules     = 500
	maxModuleBytes = 64 << 20 // all of them together, as the edge platform has it
)

var moduleName = regexp.MustCompile(`^[A-Za-z0-9_@.+$~()\[\] -]+(/[A-Za-z0-9_@.+$~()\[\] -]+)*$`)

// defaultRules are the bundler's own, which a config's rules go before.
var defaultRules = []moduleRule{
	{Type: "ESModule", Globs: []string{"**/*.js", "**/*.mjs"}},
	{Type: "Text", Globs: []string{"**/*.txt", "**/*.html", "**/*.sql"}},
	{Type: "Data", Globs: []string{"**/*.bin"}},
	{Type: "CompiledWasm", Globs: []string{"**/*.wasm", "**/*.wasm?module"}},
}

var moduleTypes = map[string]deploy.ModuleType{
	"ESModule": deploy.ESModule, "CompiledWasm": deploy.Wasm, "Text": deploy.Text, "Data": deploy.Data,
}

// typeOf returns the type of the module at name, false when no rule takes it.
func typeOf(rules []moduleRule, name string) (deploy.ModuleType, bool, error) {
	for _, rule := range slices.Concat(rules, defaultRules) {
		for _, glob := range rule.Globs {
			if ok, err := doublestar.Match(glob, name); err != nil || !ok {
				continue
			}
			kind, known := moduleTypes[rule.Type]
			if !known {
				return "", false, deploy.Refuse("the module %s is of type %q, which cannot be deployed", name, rule.Type)
			}
			return kind, true, nil
		}
	}
	return "", false, nil
}

// modules reads the worker whose entry is the file at main: it and every file
// beside or below it that a rule takes, except what is among the assets.
func (c *Collected) modules(main, assetsDir string, rules []moduleRule) ([]deploy.Module, error) {
	root := path.Dir(main)
	alone := assetsDir != "" && within(main, assetsDir)
	var all []deploy.Module
	var total int64
	for _, name := range c.sorted() {
		if !within(name, root) || (name != main && (alone || skipModule(name) || assetsDir != "" && within(name, assetsDir))) {
			continue
		}
		short := name
		if root != "." {
			short = strings.TrimPrefix(name, root+"/")
		}
		kind, ok, err := typeOf(rules, short)
		if err != nil {
			return nil, err
		}
		if name == main {
			kind, ok = deploy.ESModule, true
		}
		if !ok {
			continue
		}
		if !moduleName.MatchString(short) {
			return nil, deploy.Refuse("the module name %q has characters that cannot be deployed", short)
		}
		if total += c.Files[name].Size; total > maxModuleBytes || len(all) == maxModules {
			return nil, deploy.Refuse("the worker is larger than %d MiB or has more than %d modules", maxModuleBytes>>20, maxModules)
		}
		content, err := c.blobs.Read(c.Files[name].Hash)
		if err != nil {
			return nil, err
		}
		if (kind == deploy.ESModule || kind == deploy.Text) && !utf8.Valid(content) {
			return nil, deploy.Refuse("the module %s is not UTF-8", short)
		}
		module := deploy.Module{Name: short, Type: kind, Content: content}
		if name == main {
			all = slices.Insert(all, 0, module)
		} else {
			all = append(all, module)
		}
	}
	return all, nil
}

// skipModule tells which files in a worker's folder are no part of it.
func skipModule(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".map") || isSecretFile(base) ||
		base == "wrangler.json" || base == "wrangler.jsonc" || strings.Contains("/"+name, "/.vite/")
}

// isSecretFile tells which files hold the values of somebody's development
// set-up; bundlers copy them beside their output.
func isSecretFile(base string) bool {
	return base == ".env" || strings.HasPrefix(base, ".env.") || base == ".dev.vars" || strings.HasPrefix(base, ".dev.vars.")
}

// within tells whether name is in the folder dir, "." being the root.
func within(name, dir string) bool { return dir == "." || strings.HasPrefix(name, dir+"/") }
