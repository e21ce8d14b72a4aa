package daytona

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
)

// call is one request to be made, perhaps several times.
type call struct {
	method, url string
	query       url.Values
	// json is the body, as JSON; or body makes one for each try and tells its
	// content type. Neither means no body.
	json any
	body func() (io.Reader, string, error)
	// once: the body can be made only once.
	once bool
	// timeout bounds one try, its answer's body included. 0 is none.
	timeout time.Duration
	// into is decoded from the answer, where not nil.
	into any
	// safe: doing it twice is the same as once, so it is repeated also when
	// the answer was lost.
	safe bool
	// passive: the sandbox may go to sleep as if it was not made.
	passive bool
}

// skipActivity is the header of passive requests.
const skipActivity = "X-Daytona-Skip-Last-Activity-Update"

// maxRetryAfter is the longest wait that a busy server may ask for.
const maxRetryAfter = time.Minute

// maxAnswer and maxLogs bound answers that are read whole, in bytes: what sends
// them may be the user's code, in the toolbox's place.
const (
	maxAnswer = 64 << 20
	maxLogs   = 256 << 20
)

// maxTries is how often one call is made when nothing else limits it.
const maxTries = 4

func (c *Client) header(h http.Header) {
	h.Set("Authorization", "Bearer "+c.cfg.APIKey)
	h.Set("X-Daytona-Source", "surgent")
	h.Set("X-Daytona-SDK-Version", sdkVersion)
	h.Set("User-Agent", "surgent/1")
}

// try makes a call once. With into nil and no error it returns the answer's
// body, which the caller closes.
func (c *Client) try(ctx context.Context, q call) (io.ReadCloser, error) {
	var cancel context.CancelFunc = func() {}
	if q.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, q.timeout)
	}
	resp, err := c.send(ctx, q)
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode >= 300 {
		defer cancel()
		return nil, readError(resp)
	}
	if q.into == nil {
		// The limit is for the body too: callers that stream set none.
		return &cancelBody{ReadCloser: resp.Body, cancel: cancel}, nil
	}
	defer cancel()
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(q.into); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read answer of %s %s: %w", q.method, q.url, err)
	}
	return nil, nil // the answer is in into
}

// cancelBody lets go of a request's context with its body.
type cancelBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *cancelBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}

func (c *Client) send(ctx context.Context, q call) (*http.Response, error) {
	target := q.url
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	var body io.Reader
	kind := ""
	switch {
	case q.json != nil:
		data, err := json.Marshal(q.json)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body, kind = bytes.NewReader(data), "application/json"
	case q.body != nil:
		var err error
		if body, kind, err = q.body(); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, q.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	c.header(req.Header)
	if q.passive {
		req.Header.Set(skipActivity, "true")
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return c.http.Do(req)
}

// do makes a call to the control API, again where that is harmless.
func (c *Client) do(ctx context.Context, q call) (io.ReadCloser, error) {
	for n := 1; ; n++ {
		body, err := c.try(ctx, q)
		if err == nil {
			return body, nil
		}
		wait, again := c.retryAfter(q, err, n)
		if !again || ctx.Err() != nil {
			return nil, err
		}
		c.log.Debug("request repeated", "method", q.method, "url", q.url, "try", n, "err", err)
		if serr := clock.Sleep(ctx, wait); serr != nil {
			return nil, err
		}
	}
}

// retryAfter decides whether the nth try is followed by another, and when.
func (c *Client) retryAfter(q call, err error, n int) (time.Duration, bool) {
	wait := c.cfg.Backoff << (n - 1)
	if n >= maxTries || q.once {
		return 0, false
	}
	var api *Error
	if !errors.As(err, &api) {
		return wait, q.safe || neverSent(err)
	}
	if errors.Is(api, sandbox.ErrNoRoom) {
		return 0, false // only the caller knows what could give way
	}
	switch api.Status {
	case http.StatusTooManyRequests:
		return max(wait, api.retryAfter), api.retryAfter <= maxRetryAfter
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return wait, q.safe
	}
	return 0, false
}

// neverSent tells whether the server surely saw nothing of the request.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// discard reads and closes the body of an answer that says nothing more, so
// that its connection is used again.
func discard(body io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, body, 1<<20) // nothing in it matters
	return body.Close()
}

func itoa(n int) string { return strconv.Itoa(n) }
