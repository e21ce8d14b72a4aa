// Package deploy is the port to the places where built apps go. A Release is
// one app as the server has checked it: worker modules, assets by content,
// and a configuration whose name and bindings the server chose. Targets
// publish releases: deploy/workerd on this machine, deploy/webhook to a
// Worker with a /deploy endpoint. The folder deploy/release makes releases out
// of what a build left behind, which it treats as hostile input.
package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Errors that callers branch on. Targets wrap them.
var (
	// ErrRefused: the app was refused for what it is (bad config, a worker
	// that does not start, too big); the text says why and is for its author.
	ErrRefused = errors.New("deploy: refused")
	// ErrUnavailable: the target could not be reached or is busy; try again.
	ErrUnavailable = errors.New("deploy: target unavailable")
)

// Refusal is an ErrRefused with the reason in words for the app's author.
type Refusal struct{ Reason string }

// Refuse returns a Refusal.
func Refuse(format string, args ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, args...)}
}

// Error returns the reason alone.
func (r *Refusal) Error() string { return r.Reason }

// Is makes a Refusal an ErrRefused.
func (r *Refusal) Is(target error) bool { return target == ErrRefused }

// Outage is an ErrUnavailable with the reason in words for people.
type Outage struct {
	Reason string
	Cause  error // for the server's log; may be nil
}

// Error returns the reason, with the cause behind it.
func (o *Outage) Error() string {
	if o.Cause == nil {
		return o.Reason
	}
	return o.Reason + ": " + o.Cause.Error()
}

// Is makes an Outage an ErrUnavailable.
func (o *Outage) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the cause.
func (o *Outage) Unwrap() error { return o.Cause }

// Stage is what a target is doing with a release.
type Stage string

// The stages, in their order.
const (
	Uploading Stage = "uploading" // the target gets the files
	Verifying Stage = "verifying" // it looks whether the app answers
)

// Progress is told what a target does, in short lines for the deployment's
// log. It is called from one goroutine at a time.
type Progress func(stage Stage, line string)

// Asset is one static file. Path starts with "/" and is the request path of
// the file itself, not percent-encoded.
type Asset struct {
	Path string
	Hash string // lower-case hex SHA-256 of the content
	Size int64  // bytes
}

// ModuleType is how the runtime reads a worker module.
type ModuleType string

// The module types.
const (
	ESModule ModuleType = "esm"
	Wasm     ModuleType = "wasm"
	Text     ModuleType = "text"
	Data     ModuleType = "data"
)

// Module is one module of a worker. The first of a Release is its entry.
type Module struct {
	Name    string // path relative to the entry's folder, with "/"
	Type    ModuleType
	Content []byte
}

// AssetsConfig are the Workers rules for static assets.
type AssetsConfig struct {
	HTMLHandling     string   // auto-trailing-slash (default), drop-trailing-slash, force-trailing-slash, none
	NotFoundHandling string   // none (default), 404-page, single-page-application
	RunWorkerFirst   bool     // every request goes to the worker first
	WorkerFirstGlobs []string // or those that match; "!" excludes
	Binding          string   // name of the assets binding, "" when there is none
	Headers          string   // text of _headers
	Redirects        string   // text of _redirects
}

// Release is one publishable app.
type Release struct {
	ID                 string // opaque, unique
	ProjectID          string
	Name               string // the app's label, chosen by the server
	CompatibilityDate  string // YYYY-MM-DD
	CompatibilityFlags []string
	Vars               map[string]string          // plain text bindings
	JSONVars           map[string]json.RawMessage // bindings that are no strings
	Modules            []Module                   // none for a static app
	Assets             []Asset
	AssetsConfig       AssetsConfig
	// Open returns the content of an asset by its hash.
	Open func(hash string) (io.ReadCloser, error) `json:"-"`
}

// Published is where a release answers.
type Published struct {
	URL      string
	Warnings []string // for the author, e.g. a compatibility date that was clamped
}

// OwnDate is the compatibility date of what this project itself runs or
// publishes: redirects, tombstones, health checks. It uses nothing that a
// later date changes.
const OwnDate = "2026-01-01"

// Target publishes releases.
type Target interface {
	// Publish makes rel the live release of its name, or leaves what was live
	// untouched and says why. It is idempotent by rel.ID. progress may be nil.
	Publish(ctx context.Context, rel *Release, progress Progress) (*Published, error)
	// Remove takes an app down. An unknown name is a no-op.
	Remove(ctx context.Context, name string) error
}
