package webhook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/internal/kit/clock"
)

const (
	maxAnswerBytes = 1 << 20
	maxReasonBytes = 2000
	maxPause       = 30 * time.Second
)

// send posts the payload until there is an answer that says how it went.
func (t *Target) send(ctx context.Context, body []byte, say func(string)) error {
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
			return &deploy.Outage{Reason: fmt.Sprintf("the deploy endpoint did not take the app in %d tries; the last time it %s", try, again.what), Cause: again.cause}
		}
		wait := min(max(pause, again.after), maxPause)
		say(fmt.Sprintf("The deploy endpoint %s; trying again in %s", again.what, wait.Round(time.Millisecond)))
		if err := clock.Sleep(ctx, wait); err != nil {
			return err
		}
		pause *= 2
	}
}

// retryable is a failure that may pass.
type retryable struct {
	what  string        // "answered 503 Service Unavailable", for people
	cause error         // nil when what says it all
	after time.Duration // as the endpoint wished
}

func (r *retryable) Error() string { return r.what }

func (t *Target) post(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if t.c.Secret != "" {
		r.Header.Set("Authorization", "Bearer "+t.c.Secret)
	}
	res, err := t.client.Do(r)
	if err != nil {
		return unanswered(err)
	}
	defer func() { _ = res.Body.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return unanswered(err)
	}
	return t.judge(res, text)
}

// unanswered is the failure of a request that brought no whole answer. The
// address is taken off: it goes into logs that apps' authors read.
func unanswered(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &retryable{what: "did not answer in time", cause: err}
	}
	return &retryable{what: "could not be reached", cause: err}
}

// judge says what the endpoint's answer means, nil for success.
func (t *Target) judge(res *http.Response, text []byte) error {
	var answer struct {
		Success *bool  `json:"success"`
		Error   string `json:"error"`
	}
	isVerdict := json.Unmarshal(text, &answer) == nil && answer.Success != nil
	code := res.StatusCode
	status := strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
	switch {
	case code == http.StatusOK && isVerdict && *answer.Success:
		return nil
	case isVerdict && !*answer.Success && (code == http.StatusOK || code == http.StatusInternalServerError):
		// The platform looked at the app and has something to say about it.
		return deploy.Refuse("the deploy endpoint refused the app: %s", t.brief(answer.Error))
	case code == http.StatusRequestEntityTooLarge:
		return deploy.Refuse("the app is larger than the deploy endpoint takes")
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &deploy.Outage{Reason: "the deploy endpoint does not accept this server's secret (" + status + "); whoever runs the server has to set the right one"}
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		return &deploy.Outage{Reason: "there is no deploy endpoint at the address that this server has (" + status + ")"}
	case code >= 300 && code < 400:
		return &deploy.Outage{Reason: "the deploy endpoint has moved (" + status + "); whoever runs the server has to set its new address"}
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= http.StatusInternalServerError:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")) // 0 when it is a date or missing
		return &retryable{what: "answered " + status, after: time.Duration(seconds) * time.Second}
	case code >= 200 && code < 300:
		return &deploy.Outage{Reason: "what answers at the deploy endpoint's address is none (" + status + " without a verdict)"}
	}
	return &deploy.Outage{Reason: "the deploy endpoint cannot work: it answered " + status + ", " + t.brief(answer.Error)}
}

// brief makes a text of the endpoint's fit for people. An endpoint that
// repeats what it was sent must not give the secret away.
func (t *Target) brief(text string) string {
	if t.c.Secret != "" {
		text = strings.ReplaceAll(text, t.c.Secret, "…")
	}
	text = strings.ToValidUTF8(text, "�")
	if len(text) > maxReasonBytes {
		text = strings.ToValidUTF8(text[:maxReasonBytes], "") + "…"
	}
	return cmp.Or(strings.TrimSpace(text), "it gave no reason")
}
