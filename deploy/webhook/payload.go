package webhook

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"surgent.dev/surgent/deploy"
)

// payload is what the endpoint takes.
type payload struct {
	WranglerConfig     string               `json:"wranglerConfig"` // JSON
	WorkerContent      string               `json:"workerContent"`
	AssetsManifest     map[string]assetInfo `json:"assetsManifest,omitempty"` // by path
	Files              []file               `json:"files,omitempty"`
	CompatibilityFlags []string             `json:"compatibilityFlags,omitempty"`
	AssetsConfig       *assetsConfig        `json:"assetsConfig,omitempty"`
	AdditionalModules  []module             `json:"additionalModules,omitempty"`
}

type assetInfo struct {
	Hash string `json:"hash"` // the first 32 hex digits of the SHA-256
	Size int64  `json:"size"` // bytes
}

type file struct {
	Path   string `json:"path"`
	Base64 string `json:"base64"`
}

type assetsConfig struct {
	HTMLHandling     string `json:"html_handling"`
	NotFoundHandling string `json:"not_found_handling"`
	RunWorkerFirst   any    `json:"run_worker_first,omitempty"` // true or patterns
	Headers          string `json:"_headers,omitempty"`
	Redirects        string `json:"_redirects,omitempty"`
}

// module is a further module. Text needs no encoding; an endpoint that knows
// only name and content takes it as it is.
type module struct {
	Name     string `json:"name"`
	Content  string `json:"content"`
	Type     string `json:"type"`
	Encoding string `json:"encoding,omitempty"` // "base64"
}

// wrangler is the configuration as we make it: nothing in it is the app's but
// values that were checked, so no binding reaches what is not the app's own.
type wrangler struct {
	Name               string         `json:"name"`
	Main               string         `json:"main"`
	CompatibilityDate  string         `json:"compatibility_date"`
	CompatibilityFlags []string       `json:"compatibility_flags,omitempty"`
	Vars               map[string]any `json:"vars,omitempty"`
	Assets             *assetsBinding `json:"assets,omitempty"`
}

type assetsBinding struct {
	Binding string `json:"binding,omitempty"`
	assetsConfig
}

// filesOnly is the worker of an app that has none: the endpoint wants one.
const (
	filesOnly        = "export default { fetch(request, env) { return env.ASSETS.fetch(request) } }"
	filesOnlyBinding = "ASSETS"
)

// payload writes the request's body, refusing what is too large before it
// reads a file.
func (t *Target) payload(rel *deploy.Release) ([]byte, error) {
	estimate := int64(0)
	for _, asset := range rel.Assets {
		estimate += encodedLen(asset.Size)
	}
	if err := t.checkSize(estimate); err != nil {
		return nil, err
	}
	p := payload{CompatibilityFlags: rel.CompatibilityFlags}
	config := wrangler{
		Name: rel.Name, Main: "index.js", CompatibilityDate: rel.CompatibilityDate,
		CompatibilityFlags: rel.CompatibilityFlags, Vars: map[string]any{},
	}
	for name, text := range rel.Vars {
		config.Vars[name] = text
	}
	for name, raw := range rel.JSONVars {
		config.Vars[name] = raw
	}
	binding := rel.AssetsConfig.Binding
	if len(rel.Modules) == 0 {
		p.WorkerContent, binding = filesOnly, filesOnlyBinding
	} else {
		p.WorkerContent, config.Main = string(rel.Modules[0].Content), rel.Modules[0].Name
		for _, m := range rel.Modules[1:] {
			p.AdditionalModules = append(p.AdditionalModules, further(m))
		}
	}
	if len(rel.Assets) > 0 {
		if err := p.addAssets(rel); err != nil {
			return nil, err
		}
		config.Assets = &assetsBinding{Binding: binding, assetsConfig: *p.AssetsConfig}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	p.WranglerConfig = string(text)
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // it would make pages half as large again
	if err := encoder.Encode(p); err != nil {
		return nil, err
	}
	return body.Bytes(), t.checkSize(int64(body.Len()))
}

func (t *Target) checkSize(n int64) error {
	if n > int64(t.c.MaxBytes) {
		return deploy.Refuse("the app is too large to be sent to the deploy endpoint: %d MB of at most %d MB", n/1_000_000, t.c.MaxBytes/1_000_000)
	}
	return nil
}

func further(m deploy.Module) module {
	if m.Type == deploy.ESModule || m.Type == deploy.Text {
		return module{Name: m.Name, Content: string(m.Content), Type: string(m.Type)}
	}
	return module{Name: m.Name, Content: encode(m.Content), Type: string(m.Type), Encoding: "base64"}
}

func (p *payload) addAssets(rel *deploy.Release) error {
	p.AssetsManifest = make(map[string]assetInfo, len(rel.Assets))
	for _, asset := range rel.Assets {
		content, err := readAsset(rel, asset)
		if err != nil {
			return err
		}
		p.AssetsManifest[asset.Path] = assetInfo{Hash: asset.Hash[:32], Size: asset.Size}
		p.Files = append(p.Files, file{Path: asset.Path, Base64: encode(content)})
	}
	c := rel.AssetsConfig
	p.AssetsConfig = &assetsConfig{
		// Said outright: there are endpoints that take silence for a single-page
		// application.
		HTMLHandling: cmp.Or(c.HTMLHandling, "auto-trailing-slash"), NotFoundHandling: cmp.Or(c.NotFoundHandling, "none"),
		Headers: c.Headers, Redirects: c.Redirects,
	}
	switch {
	case len(rel.Modules) == 0:
		// Nothing but files to run first.
	case c.RunWorkerFirst:
		p.AssetsConfig.RunWorkerFirst = true
	case len(c.WorkerFirstGlobs) > 0:
		p.AssetsConfig.RunWorkerFirst = c.WorkerFirstGlobs
	}
	return nil
}

func readAsset(rel *deploy.Release, asset deploy.Asset) ([]byte, error) {
	r, err := rel.Open(asset.Hash)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", asset.Path, err)
	}
	content, err := io.ReadAll(io.LimitReader(r, asset.Size+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", asset.Path, err)
	}
	sum := sha256.Sum256(content)
	if hex.EncodeToString(sum[:]) != asset.Hash || int64(len(content)) != asset.Size {
		return nil, fmt.Errorf("read %s: its content is not what the release says", asset.Path)
	}
	return content, nil
}

// encodedLen is what content takes as base64 in JSON.
func encodedLen(size int64) int64 { return (size + 2) / 3 * 4 }

func encode(content []byte) string { return base64.StdEncoding.EncodeToString(content) }
