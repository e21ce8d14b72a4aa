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
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
)

const (
	maxAnswerBytes = 1 << 20
	maxReasonBytes = 2000
	maxPause       = 30 * time.Second
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
	// Client makes the requests; nil is one with Timeout.
	Client *http.Client

	MaxBytes int           // of a payload: 25 MB
	Timeout  time.Duration // of one try: 2 min
	Tries    int           // 4
	Pause    time.Duration // before the second try, doubled after each: 1 s
}

// Target publishes to a deploy endpoint.
type Target struct {
	c        Config
	endpoint string
}

var _ deploy.Target = (*Target)(nil)

// New returns the target. It makes no request.
func New(c Config) (*Target, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("deploy endpoint %q is no http(s) address", c.URL)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/deploy"
	}
	c.MaxBytes = cmp.Or(c.MaxBytes, 25_000_000)
	c.Timeout = cmp.Or(c.Timeout, 2*time.Minute)
	c.Tries = cmp.Or(c.Tries, 4)
	c.Pause = cmp.Or(c.Pause, time.Second)
	if c.Client == nil {
		c.Client = &http.Client{
			Timeout: c.Timeout,
			// The secret goes to the address that was configured, no further.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if c.AppURL == nil {
		scheme, host := u.Scheme, u.Host
		c.AppURL = func(name string) string { return scheme + "://" + name + "." + host }
	}
	return &Target{c: c, endpoint: u.String()}, nil
}

// Publish implements deploy.Target.
func (t *Target) Publish(ctx context.Context, rel *deploy.Release, progress func(string)) (*deploy.Published, error) {
	if progress == nil {
		progress = func(string) {}
	}
	if err := release.CheckName(rel.Name); err != nil {
		return nil, err
	}
	body, err := t.payload(rel)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", rel.Name, err)
	}
	progress(fmt.Sprintf("Uploading %d files, %d KB", len(rel.Assets), len(body)>>10))
	if err := t.send(ctx, body, progress); err != nil {
		return nil, fmt.Errorf("publish %s: %w", rel.Name, err)
	}
	return &deploy.Published{URL: t.c.AppURL(rel.Name)}, nil
}

const tombstone = `export default { fetch() { return new Response("There is no app here.", { status: 404 }) } }`

// Remove implements deploy.Target.
func (t *Target) Remove(ctx context.Context, name string) error {
	if err := release.CheckName(name); err != nil {
		return nil //nolint:nilerr // no app has such a name
	}
	body, err := t.payload(&deploy.Release{
		Name: name, CompatibilityDate: "2026-01-01",
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

// send posts the payload until there is an answer that says how it went.
func (t *Target) send(ctx context.Context, body []byte, progress func(string)) error {
	pause := t.c.Pause
	for try := 1; ; try++ {
		err := t.post(ctx, body)
		var again *retryable
		if !errors.As(err, &again) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if try == t.c.Tries {
			return fmt.Errorf("%w: %w", deploy.ErrUnavailable, again.cause)
		}
		wait := min(max(pause, again.after), maxPause)
		progress(fmt.Sprintf("The deploy endpoint did not take it (%v); trying again in %s", again.cause, wait.Round(time.Millisecond)))
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		pause *= 2
	}
}

// retryable is a failure that may pass.
type retryable struct {
	cause error
	after time.Duration // as the endpoint wished
}

func (r *retryable) Error() string { return r.cause.Error() }

func (t *Target) post(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if t.c.Secret != "" {
		r.Header.Set("Authorization", "Bearer "+t.c.Secret)
	}
	res, err := t.c.Client.Do(r)
	if err != nil {
		return &retryable{cause: withoutURL(err)}
	}
	defer func() { _ = res.Body.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return &retryable{cause: err}
	}
	var answer struct {
		Success *bool  `json:"success"`
		Error   string `json:"error"`
	}
	isJSON := json.Unmarshal(text, &answer) == nil
	switch {
	case res.StatusCode == http.StatusOK && isJSON && answer.Success != nil && *answer.Success:
		return nil
	case isJSON && answer.Success != nil && !*answer.Success && (res.StatusCode == http.StatusOK || res.StatusCode == http.StatusInternalServerError):
		// The platform looked at the app and has something to say about it.
		return deploy.Refuse("the deploy endpoint refused the app: %s", brief(answer.Error))
	case res.StatusCode == http.StatusRequestEntityTooLarge:
		return deploy.Refuse("the app is larger than the deploy endpoint takes")
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: the deploy endpoint does not know our secret (%s)", deploy.ErrUnavailable, res.Status)
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout || res.StatusCode >= http.StatusInternalServerError:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")) // 0 when it is a date or missing
		return &retryable{cause: fmt.Errorf("status %s", res.Status), after: time.Duration(seconds) * time.Second}
	}
	return fmt.Errorf("%w: the deploy endpoint answered %s: %s", deploy.ErrUnavailable, res.Status, brief(answer.Error))
}

// withoutURL takes the address off a client's error: it goes into logs that
// apps' authors read.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func brief(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) > maxReasonBytes {
		text = strings.ToValidUTF8(text[:maxReasonBytes], "") + "…"
	}
	return cmp.Or(strings.TrimSpace(text), "it gave no reason")
}

// encodedLen is what content takes as base64 in JSON.
func encodedLen(size int64) int64 { return (size + 2) / 3 * 4 }

func encode(content []byte) string { return base64.StdEncoding.EncodeToString(content) }
