package deploytest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/assets"
)

// The limits of the platform and of the Worker in front of it.
const (
	edgeBodyBytes   = 30_000_000 // what an isolate can hold, decoded
	edgeFileBytes   = 25 << 20
	edgeFiles       = 20_000
	edgeModuleBytes = 64 << 20
	edgeVars        = 64
	edgeVarBytes    = 5 << 10
)

// edgePayload is spelled out here once more, so that a slip in the driver's
// own types shows.
type edgePayload struct {
	WranglerConfig string `json:"wranglerConfig"`
	WorkerContent  string `json:"workerContent"`
	AssetsManifest map[string]struct {
		Hash string `json:"hash"`
		Size int    `json:"size"`
	} `json:"assetsManifest"`
	Files []struct {
		Path   string `json:"path"`
		Base64 string `json:"base64"`
	} `json:"files"`
	CompatibilityFlags []string     `json:"compatibilityFlags"`
	AssetsConfig       *edgeAssets  `json:"assetsConfig"`
	AdditionalModules  []edgeModule `json:"additionalModules"`
}

type edgeModule struct {
	Name     string `json:"name"`
	Content  string `json:"content"`
	Type     string `json:"type"`
	Encoding string `json:"encoding"`
}

type edgeAssets struct {
	HTMLHandling     string          `json:"html_handling"`
	NotFoundHandling string          `json:"not_found_handling"`
	RunWorkerFirst   json.RawMessage `json:"run_worker_first"`
	Headers          string          `json:"_headers"`
	Redirects        string          `json:"_redirects"`
}

type edgeConfig struct {
	Name               string                     `json:"name"`
	Main               string                     `json:"main"`
	CompatibilityDate  string                     `json:"compatibility_date"`
	CompatibilityFlags []string                   `json:"compatibility_flags"`
	Vars               map[string]json.RawMessage `json:"vars"`
	Assets             *struct {
		Binding string `json:"binding"`
		edgeAssets
	} `json:"assets"`
}

var (
	edgeName       = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	edgeHash       = regexp.MustCompile(`^[0-9a-f]{32}$`)
	edgeVar        = regexp.MustCompile(`^[A-Za-z_$][\w$]*$`)
	edgeFlag       = regexp.MustCompile(`^[a-z0-9_]+$`)
	edgeModuleName = regexp.MustCompile(`^[^/\\"\x00-\x1f][^\\"\x00-\x1f]*$`)
)

// readEdgePayload checks a payload and returns the app in it.
func readEdgePayload(body []byte) (name string, app *edgeApp, err error) {
	if len(body) > edgeBodyBytes {
		return "", nil, errors.New("body too large for an isolate")
	}
	var p edgePayload
	if err := strict(body, &p); err != nil {
		return "", nil, fmt.Errorf("payload: %w", err)
	}
	var c edgeConfig
	if err := strict([]byte(p.WranglerConfig), &c); err != nil {
		return "", nil, fmt.Errorf("wranglerConfig: %w", err)
	}
	if err := c.check(p); err != nil {
		return "", nil, err
	}
	app = &edgeApp{worker: p.WorkerContent}
	if app.extra, err = p.modules(c.Main); err != nil {
		return "", nil, err
	}
	rel, err := p.release()
	if err != nil {
		return "", nil, err
	}
	app.site = assets.New(rel)
	return c.Name, app, nil
}

func (c edgeConfig) check(p edgePayload) error {
	date, err := time.Parse(time.DateOnly, c.CompatibilityDate)
	switch {
	case !edgeName.MatchString(c.Name):
		return fmt.Errorf("bad name %q", c.Name)
	case err != nil || date.After(time.Now()):
		return fmt.Errorf("bad compatibility date %q", c.CompatibilityDate)
	case p.WorkerContent == "" || !edgeModuleName.MatchString(c.Main):
		return errors.New("no worker")
	case !slices.Equal(p.CompatibilityFlags, c.CompatibilityFlags):
		return errors.New("two opinions on compatibility flags")
	}
	for _, flag := range c.CompatibilityFlags {
		if !edgeFlag.MatchString(flag) {
			return fmt.Errorf("bad compatibility flag %q", flag)
		}
	}
	if err := c.checkVars(); err != nil {
		return err
	}
	return c.checkAssets(p)
}

func (c edgeConfig) checkVars() error {
	if len(c.Vars) > edgeVars {
		return fmt.Errorf("%d variables", len(c.Vars))
	}
	for name, value := range c.Vars {
		switch {
		case !edgeVar.MatchString(name):
			return fmt.Errorf("bad variable %q", name)
		case len(value) > edgeVarBytes:
			return fmt.Errorf("variable %s is too large", name)
		case c.Assets != nil && c.Assets.Binding == name:
			return fmt.Errorf("two bindings are called %s", name)
		}
	}
	return nil
}

func (c edgeConfig) checkAssets(p edgePayload) error {
	switch has := len(p.AssetsManifest) > 0; {
	case has != (c.Assets != nil) || has != (p.AssetsConfig != nil):
		return errors.New("assets without their configuration, or the reverse")
	case len(p.AssetsManifest) != len(p.Files):
		return fmt.Errorf("%d files for %d assets", len(p.Files), len(p.AssetsManifest))
	case len(p.Files) > edgeFiles:
		return fmt.Errorf("%d files", len(p.Files))
	case !has:
		return nil
	}
	if c.Assets.Binding != "" && !edgeVar.MatchString(c.Assets.Binding) {
		return fmt.Errorf("bad assets binding %q", c.Assets.Binding)
	}
	a := p.AssetsConfig
	if !slices.Contains([]string{"auto-trailing-slash", "drop-trailing-slash", "force-trailing-slash", "none"}, a.HTMLHandling) {
		return fmt.Errorf("bad html_handling %q", a.HTMLHandling)
	}
	if !slices.Contains([]string{"none", "404-page", "single-page-application"}, a.NotFoundHandling) {
		return fmt.Errorf("bad not_found_handling %q", a.NotFoundHandling)
	}
	return a.checkWorkerFirst()
}

func (a *edgeAssets) checkWorkerFirst() error {
	var all bool
	if len(a.RunWorkerFirst) == 0 || json.Unmarshal(a.RunWorkerFirst, &all) == nil {
		return nil
	}
	var globs []string
	if err := json.Unmarshal(a.RunWorkerFirst, &globs); err != nil || len(globs) > 100 {
		return errors.New("run_worker_first is neither a boolean nor up to 100 patterns")
	}
	for _, glob := range globs {
		if !strings.HasPrefix(strings.TrimPrefix(glob, "!"), "/") || len(glob) > 100 {
			return fmt.Errorf("bad pattern %q in run_worker_first", glob)
		}
	}
	return nil
}

// modules returns the worker's further modules by name.
func (p edgePayload) modules(main string) (map[string][]byte, error) {
	extra, total := map[string][]byte{}, len(p.WorkerContent)
	for _, m := range p.AdditionalModules {
		content := []byte(m.Content)
		if m.Encoding == "base64" {
			var err error
			if content, err = base64.StdEncoding.DecodeString(m.Content); err != nil {
				return nil, fmt.Errorf("module %s: %w", m.Name, err)
			}
		}
		_, twice := extra[m.Name]
		switch {
		case twice || m.Name == main || !edgeModuleName.MatchString(m.Name):
			return nil, fmt.Errorf("module %q is badly named, or came twice", m.Name)
		case !slices.Contains([]string{"esm", "wasm", "text", "data"}, m.Type) || !slices.Contains([]string{"", "base64"}, m.Encoding):
			return nil, fmt.Errorf("module %q is of type %q in %q", m.Name, m.Type, m.Encoding)
		case m.Type == "wasm" && !bytes.HasPrefix(content, []byte("\x00asm")):
			return nil, fmt.Errorf("module %q is no WebAssembly", m.Name)
		}
		if total += len(content); total > edgeModuleBytes {
			return nil, errors.New("the worker is too large")
		}
		extra[m.Name] = content
	}
	return extra, nil
}

// release turns the files back into something that can be served.
func (p edgePayload) release() (*deploy.Release, error) {
	files := map[string]string{}
	for _, f := range p.Files {
		content, err := base64.StdEncoding.DecodeString(f.Base64)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", f.Path, err)
		}
		info, listed := p.AssetsManifest[f.Path]
		_, twice := files[f.Path]
		if !listed || twice || !strings.HasPrefix(f.Path, "/") || slices.Contains(strings.Split(f.Path, "/"), "..") {
			return nil, fmt.Errorf("file %q is not in the manifest, or twice", f.Path)
		}
		if !edgeHash.MatchString(info.Hash) || info.Size != len(content) || info.Size > edgeFileBytes {
			return nil, fmt.Errorf("file %s is not what the manifest says", f.Path)
		}
		files[f.Path] = string(content)
	}
	rel := App("edge", "edge", "", files)
	for _, asset := range rel.Assets {
		if p.AssetsManifest[asset.Path].Hash != asset.Hash[:32] {
			return nil, fmt.Errorf("file %s has another hash", asset.Path)
		}
	}
	if a := p.AssetsConfig; a != nil {
		rel.AssetsConfig = deploy.AssetsConfig{
			HTMLHandling: a.HTMLHandling, NotFoundHandling: a.NotFoundHandling, Headers: a.Headers, Redirects: a.Redirects,
		}
	}
	return rel, nil
}

// strict reads JSON that has no key that nobody knows and nothing behind it.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON")
	}
	return nil
}
