package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"surgent.dev/surgent/model"
)

// errIdle is the cause of a request that was given up because the server said
// nothing for too long.
var errIdle = errors.New("anthropic: the stream fell silent")

// failure turns what ended a request into the port's error.
func (m *Model) failure(ctx context.Context, err error) error {
	var own *model.Error
	if errors.As(err, &own) {
		return own
	}
	if cause := context.Cause(ctx); cause != nil {
		switch {
		case errors.Is(cause, errIdle):
			return &model.Error{Kind: model.Transient, Type: "stalled", Message: "the model said nothing for " + m.cfg.IdleTimeout.String(), Cause: errIdle}
		case errors.Is(cause, context.DeadlineExceeded):
			return &model.Error{Kind: model.Transient, Type: "timeout", Message: "the model did not finish within " + m.cfg.StepTimeout.String(), Cause: cause}
		}
		return cause // the caller gave up
	}
	var api *sdk.Error
	if errors.As(err, &api) {
		return m.refused(api)
	}
	return m.transient(err)
}

func (m *Model) transient(err error) error {
	kind := "connection"
	if errors.Is(err, model.ErrIncomplete) || errors.Is(err, io.ErrUnexpectedEOF) {
		kind = "incomplete"
	}
	return &model.Error{Kind: model.Transient, Type: kind, Message: m.clean(err.Error()), Cause: err}
}

// refused reads an error of the API: an HTTP status, or an error event in a
// stream whose status was 200.
func (m *Model) refused(api *sdk.Error) error {
	var body struct {
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
	}
	// A proxy's page is no JSON; its status still says what to do.
	_ = json.Unmarshal([]byte(api.RawJSON()), &body)
	e := &model.Error{Status: api.StatusCode, Type: body.Error.Type, Message: m.clean(body.Error.Message)}
	if e.Message == "" {
		e.Message = http.StatusText(api.StatusCode)
	}
	var header http.Header
	if api.Response != nil {
		header = api.Response.Header
	}
	e.Kind = kindOf(e, header)
	if e.Kind == model.Transient {
		e.RetryAfter = retryAfter(header, m.cfg.Now())
	}
	return e
}

func kindOf(e *model.Error, header http.Header) model.Kind {
	if tooLong(e) {
		return model.PromptTooLong
	}
	switch retry := header.Get("x-should-retry"); {
	case retry == "true":
		return model.Transient
	case retry == "false" && e.Status == http.StatusTooManyRequests:
		return model.BadRequest // a quota that is used up, not a rate
	}
	switch e.Type {
	case "overloaded_error", "rate_limit_error", "api_error", "timeout_error":
		return model.Transient
	case "authentication_error", "permission_error":
		return model.KeyRefused
	}
	switch s := e.Status; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return model.KeyRefused
	case s == http.StatusRequestTimeout || s == http.StatusConflict || s == http.StatusTooManyRequests || s >= 500:
		return model.Transient
	case s < 300 && e.Type == "":
		return model.Transient // an error event without a type
	}
	return model.BadRequest
}

// tooLong tells whether a request was refused for its length: by the API's own
// texts, those of servers that speak its language, or the status for a body
// that is too large.
func tooLong(e *model.Error) bool {
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		return true
	case http.StatusBadRequest:
		text := strings.ToLower(e.Message)
		for _, sign := range []string{"prompt is too long", "exceed context limit", "context_length_exceeded", "maximum context length"} {
			if strings.Contains(text, sign) {
				return true
			}
		}
	}
	return false
}

// retryAfter reads how long the server asks to wait: milliseconds, seconds or
// a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("retry-after-ms"), 64); err == nil && ms > 0 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	v := h.Get("retry-after")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// clean removes the key from a text that a server or a URL error may repeat.
func (m *Model) clean(text string) string {
	return strings.ReplaceAll(text, string(m.cfg.APIKey), "[redacted]")
}

// watch cancels a request that is silent for too long.
type watch struct {
	idle time.Duration
	mu   sync.Mutex // Reset and Stop may meet when a body is closed while read
	t    *time.Timer
	over bool
}

func newWatch(idle time.Duration, cancel context.CancelCauseFunc) *watch {
	return &watch{idle: idle, t: time.AfterFunc(idle, func() { cancel(errIdle) })}
}

func (w *watch) life() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.t.Reset(w.idle)
	}
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.t.Stop()
}

// maxAnswer bounds one answer in bytes of the stream: no model writes that
// much, and a server that does would fill the memory.
const maxAnswer = 64 << 20

// watchedBody tells the watch of every byte, so pings count as life.
type watchedBody struct {
	body  io.ReadCloser
	watch *watch
	read  int
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if n > 0 {
		b.watch.life()
	}
	if b.read += n; b.read > maxAnswer {
		return n, &model.Error{Kind: model.BadRequest, Type: "too_long", Message: "the answer is longer than any model's"}
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watch.stop()
	return b.body.Close()
}
