// Package webhook is the deploy target behind an HTTP endpoint: one POST with
// the whole app as JSON, to a Worker that holds the account's credentials and
// uploads it. The payload is the one that such Workers already take; what we
// add are a bearer secret, and modules that are not text.
//
// The endpoint does its work in one step that may be repeated, so a lost
// answer is asked for again. It has no way to remove an app: Remove puts a
// worker in its place that answers 404.
package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
)

// Config is what a Target needs.
type Config struct {
	// URL is the endpoint. Without a path it is /deploy there.
	URL string
	// Secret is sent as a bearer token; "" sends none.
	Secret string
	// AppURL says where the app of a name answers; nil means below the
	// endpoint's host.
	AppURL func(name string) string
	// Transport makes the requests; nil is http.DefaultTransport.
	Transport http.RoundTripper

	MaxBytes int           // of a payload: 25 MB
	Timeout  time.Duration // of one try: 2 min
	Tries    int           // 4
	Pause    time.Duration // before the second try, doubled after each: 1 s
	Verify   time.Duration // how long a new release's first page is waited for: 10 s
}

// Target publishes to a deploy endpoint.
type Target struct {
	c        Config
	endpoint string
	client   *http.Client
}

var _ deploy.Target = (*Target)(nil)

// New returns the target. It makes no request.
func New(c Config) (*Target, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		// Not the error: it repeats the address, which may hold a password.
		return nil, errors.New("the deploy endpoint's address cannot be read")
	case u.User != nil:
		return nil, errors.New("the deploy endpoint's address has a name or password in it; use the secret")
	case u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return nil, fmt.Errorf("deploy endpoint %q is no http(s) address", c.URL)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/deploy"
	}
	c.MaxBytes = cmp.Or(c.MaxBytes, 25_000_000)
	c.Timeout = cmp.Or(c.Timeout, 2*time.Minute)
	c.Tries = cmp.Or(c.Tries, 4)
	c.Pause = cmp.Or(c.Pause, time.Second)
	c.Verify = cmp.Or(c.Verify, 10*time.Second)
	if c.AppURL == nil {
		scheme, host := u.Scheme, u.Host
		c.AppURL = func(name string) string { return scheme + "://" + name + "." + host }
	}
	return &Target{c: c, endpoint: u.String(), client: &http.Client{
		Transport: c.Transport, Timeout: c.Timeout,
		// The secret goes to the address that was configured, no further.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Publish implements deploy.Target. The app is live once the endpoint has
// taken it; what it answers then is told, but changes nothing.
func (t *Target) Publish(ctx context.Context, rel *deploy.Release, progress deploy.Progress) (*deploy.Published, error) {
	if progress == nil {
		progress = func(deploy.Stage, string) {}
	}
	if err := release.CheckName(rel.Name); err != nil {
		return nil, err
	}
	body, err := t.payload(rel)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", rel.Name, err)
	}
	progress(deploy.Uploading, fmt.Sprintf("Uploading %d files, %d KB", len(rel.Assets), len(body)>>10))
	if err := t.send(ctx, body, func(line string) { progress(deploy.Uploading, line) }); err != nil {
		return nil, fmt.Errorf("publish %s: %w", rel.Name, err)
	}
	published := &deploy.Published{URL: t.c.AppURL(rel.Name)}
	progress(deploy.Verifying, "Asking the app for its first page")
	if problem := t.ask(ctx, published.URL); problem != "" {
		published.Warnings = append(published.Warnings, problem)
	}
	return published, nil
}

const tombstone = `export default { fetch() { return new Response("There is no app here.", { status: 404 }) } }`

// Remove implements deploy.Target.
func (t *Target) Remove(ctx context.Context, name string) error {
	if err := release.CheckName(name); err != nil {
		return nil //nolint:nilerr // no app has such a name
	}
	body, err := t.payload(&deploy.Release{
		Name: name, CompatibilityDate: deploy.OwnDate,
		Modules: []deploy.Module{{Name: "index.js", Type: deploy.ESModule, Content: []byte(tombstone)}},
	})
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	if err := t.send(ctx, body, func(string) {}); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}
