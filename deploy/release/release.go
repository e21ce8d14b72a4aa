package release

import (
	"encoding/json"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"surgent.dev/surgent/deploy"
)

const maxRulesBytes = 100 << 10 // of _headers and of _redirects

// Options are the server's choices for a release.
type Options struct {
	ID        string // unique
	ProjectID string
	Name      string // must pass CheckName
	// Vars are the values that the project's owner set for production. They
	// win over the file's.
	Vars map[string]string
	// DefaultDate is the compatibility date of a config that names none, and
	// the newest one that is taken: YYYY-MM-DD.
	DefaultDate string
}

// New makes the release of a collected build. Warnings are for its log.
func New(c *Collected, o Options) (rel *deploy.Release, warnings []string, err error) {
	if err := CheckName(o.Name); err != nil {
		return nil, nil, err
	}
	l, err := c.layout()
	if err != nil {
		return nil, nil, err
	}
	rel = &deploy.Release{
		ID: o.ID, ProjectID: o.ProjectID, Name: o.Name,
		CompatibilityDate: l.config.CompatibilityDate, CompatibilityFlags: l.config.CompatibilityFlags,
		Open: c.blobs.Open,
	}
	warnings = l.config.warnings
	if rel.CompatibilityDate == "" {
		rel.CompatibilityDate = o.DefaultDate
	} else if o.DefaultDate != "" && rel.CompatibilityDate > o.DefaultDate {
		warnings = append(warnings, "The compatibility date "+rel.CompatibilityDate+" is in the future; "+o.DefaultDate+" is used.")
		rel.CompatibilityDate = o.DefaultDate
	}
	if err := setVars(rel, l.config.Vars, o.Vars); err != nil {
		return nil, nil, err
	}
	if l.main != "" {
		if rel.Modules, err = c.modules(l.main, l.assets, l.config.Rules); err != nil {
			return nil, nil, err
		}
	}
	more, err := c.addAssets(rel, l)
	if err != nil {
		return nil, nil, err
	}
	if len(rel.Modules) == 0 && len(rel.Assets) == 0 {
		return nil, nil, deploy.Refuse("the build left nothing to deploy: no files and no worker")
	}
	return rel, append(warnings, more...), nil
}

// setVars takes strings as plain text and all else as JSON.
func setVars(rel *deploy.Release, proposed map[string]json.RawMessage, owners map[string]string) error {
	rel.Vars, rel.JSONVars = map[string]string{}, map[string]json.RawMessage{}
	for name, raw := range proposed {
		var text string
		if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
			rel.Vars[name] = text
		} else {
			rel.JSONVars[name] = raw
		}
	}
	for name, text := range owners {
		if !validVar(name) || len(text) > maxVarBytes {
			return deploy.Refuse("%.80q cannot be a variable, or its value is larger than %d KiB", name, maxVarBytes>>10)
		}
		delete(rel.JSONVars, name)
		rel.Vars[name] = text
	}
	return nil
}

// layout is where in a build things are.
type layout struct {
	config *config
	file   string // the config's name, for messages
	main   string // the worker's entry, "" for a static app
	assets string // the assets' folder, "" for none
}

// layout finds the parts of a build in one of the two forms: a bundler's
// redirected config beside the worker it belongs to, or the project's own
// wrangler file with dist/index.js and dist/client.
func (c *Collected) layout() (*layout, error) {
	redirected, err := c.redirected()
	if redirected != nil || err != nil {
		return redirected, err
	}
	l := &layout{config: &config{}, file: "wrangler.jsonc"}
	for _, name := range []string{"wrangler.jsonc", "wrangler.json"} {
		text, ok, err := c.read(name, maxConfigBytes)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		l.file = name
		if l.config, err = parseConfig(name, text); err != nil {
			return nil, err
		}
		break
	}
	if _, toml := c.Files["wrangler.toml"]; toml && l.config.Assets == nil && l.config.Main == "" {
		return nil, deploy.Refuse("wrangler.toml is not supported; use a wrangler.jsonc")
	}
	if l.config.Main != "" {
		l.main = path.Clean(l.config.Main)
		if _, built := c.Files[l.main]; !built {
			l.main = "dist/index.js"
		}
		if _, built := c.Files[l.main]; !built {
			return nil, deploy.Refuse("%s names a worker (%q), but the build made neither it nor dist/index.js", l.file, l.config.Main)
		}
	}
	switch {
	case l.config.Assets != nil && l.config.Assets.Directory != "":
		err = l.setAssets(c, ".")
	case c.hasFolder("dist/client"):
		l.assets = "dist/client"
	case l.main == "" && c.hasFolder("dist"):
		l.assets = "dist"
	}
	return l, err
}

func (c *Collected) redirected() (*layout, error) {
	text, ok, err := c.read(".wrangler/deploy/config.json", maxConfigBytes)
	if err != nil || !ok {
		return nil, err
	}
	var pointer struct {
		ConfigPath string `json:"configPath"`
	}
	if err := json.Unmarshal(text, &pointer); err != nil {
		return nil, deploy.Refuse(".wrangler/deploy/config.json cannot be read")
	}
	file := path.Join(".wrangler/deploy", pointer.ConfigPath)
	text, ok, err = c.read(file, maxConfigBytes)
	if err != nil || !ok {
		return nil, err // left over from another build: the project's own file counts
	}
	l := &layout{file: file}
	if l.config, err = parseConfig(file, text); err != nil {
		return nil, err
	}
	dir := path.Dir(file)
	if l.config.Main != "" {
		l.main = path.Join(dir, l.config.Main)
		if _, built := c.Files[l.main]; !built {
			return nil, deploy.Refuse("%s names a worker (%q) that the build did not make", file, l.config.Main)
		}
	}
	if l.config.Assets != nil && l.config.Assets.Directory != "" {
		return l, l.setAssets(c, dir)
	}
	return l, nil
}

// setAssets resolves the configured folder against dir.
func (l *layout) setAssets(c *Collected, dir string) error {
	configured := l.config.Assets.Directory
	l.assets = path.Join(dir, configured)
	if path.IsAbs(configured) || l.assets == ".." || strings.HasPrefix(l.assets, "../") {
		return deploy.Refuse("%s: assets.directory %q is outside of the project", l.file, configured)
	}
	if !c.hasFolder(l.assets) || l.assets == "." {
		return deploy.Refuse("%s: assets.directory %q is empty or not below dist; the build must write its files there", l.file, configured)
	}
	return nil
}

func (c *Collected) hasFolder(dir string) bool {
	for name := range c.Files {
		if within(name, dir) {
			return true
		}
	}
	return false
}

// addAssets fills in the files and the rules for them.
func (c *Collected) addAssets(rel *deploy.Release, l *layout) (warnings []string, err error) {
	if section := l.config.Assets; section != nil {
		rel.AssetsConfig.HTMLHandling = section.HTMLHandling
		rel.AssetsConfig.NotFoundHandling = section.NotFoundHandling
		rel.AssetsConfig.Binding = section.Binding
		rel.AssetsConfig.RunWorkerFirst, rel.AssetsConfig.WorkerFirstGlobs, err = section.workerFirst(l.file)
		if err != nil {
			return nil, err
		}
	}
	if l.assets == "" {
		return nil, nil
	}
	texts := map[string]string{}
	for _, special := range []string{"_headers", "_redirects", ".assetsignore"} {
		text, _, err := c.read(l.assets+"/"+special, maxRulesBytes)
		if err != nil {
			return nil, err
		}
		texts[special] = string(text)
	}
	rel.AssetsConfig.Headers, rel.AssetsConfig.Redirects = texts["_headers"], texts["_redirects"]
	ignored := parseIgnore(texts[".assetsignore"])
	for _, name := range c.sorted() {
		if !within(name, l.assets) {
			continue
		}
		short := strings.TrimPrefix(name, l.assets+"/")
		if _, special := texts[short]; special || name == l.main || ignored.matches(short) {
			continue
		}
		if isSecretFile(path.Base(name)) {
			warnings = append(warnings, "Left out "+name+": such files hold secrets.")
			continue
		}
		file := c.Files[name]
		rel.Assets = append(rel.Assets, deploy.Asset{Path: "/" + short, Hash: file.Hash, Size: file.Size})
	}
	return warnings, nil
}

func (c *Collected) sorted() []string { return slices.Sorted(maps.Keys(c.Files)) }

var plainStart = regexp.MustCompile(`^[a-z]+ `)

// IsRefused tells whether err is the app's own fault, with the reason as a
// sentence.
func IsRefused(err error) (reason string, ok bool) {
	var refusal *deploy.Refusal
	if errors.As(err, &refusal) {
		reason = refusal.Reason
		// Not so when it starts with a file's name.
		if plainStart.MatchString(reason) {
			reason = strings.ToUpper(reason[:1]) + reason[1:]
		}
		return reason, true
	}
	return "", errors.Is(err, deploy.ErrRefused)
}
