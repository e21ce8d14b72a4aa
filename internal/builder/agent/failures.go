package agent

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"surgent.dev/surgent/model"
)

// failed journals a failed attempt and returns how long to wait before the
// next one, or how the run ends.
func (t *task) failed(id StepID, attempt int, got heard) (time.Duration, *outcome, error) {
	var e *model.Error
	if !errors.As(got.err, &e) {
		e = &model.Error{Kind: model.Transient, Type: "unknown", Message: got.err.Error(), Cause: got.err}
	}
	text := t.redact.text(e.Message)
	args := stepFailedArgs{fenced: t.fence, RunID: t.cur.Run.ID, StepID: id, Error: text}
	if got.start.MessageID != "" {
		u := t.spent(got.usage())
		args.Usage = &u
		t.cur.Run.Spent = t.cur.Run.Spent.plus(u)
	}
	t.Logger.WarnContext(t.ctx, "model attempt failed", "run", t.cur.Run.ID, "attempt", attempt, "kind", e.Kind, "status", e.Status, "type", e.Type)
	var wait time.Duration
	var end *outcome
	switch {
	case e.Kind == model.Transient && attempt < t.Limits.Attempts && e.RetryAfter <= t.Limits.MaxWait:
		wait = t.backoff(attempt, e.RetryAfter)
		args.Pause = &Pause{
			Until: millis(t.Now().Add(wait)), Attempt: attempt + 1, Of: t.Limits.Attempts, Reason: busyText(e),
		}
	case e.Kind == model.PromptTooLong && t.shorten():
	default:
		end = &outcome{Status: Failed, Subtype: "error_api", Error: t.apiError(e, text)}
	}
	return wait, end, t.mutate(t.ctx, "agent:stepFailed", args, nil)
}

// shorten leaves more of the conversation out, and tells whether that helps.
func (t *task) shorten() bool {
	h, err := build(t.entries, t.cur.Run.Model, t.content)
	if err != nil {
		return false // the request that follows reports it
	}
	n := len(h.results) - keepResults/2
	if n <= t.trimmed || !h.trim(n) {
		return false
	}
	t.trimmed = n
	return true
}

// backoff is the wait after an attempt: what the provider asks for, else twice
// as long each time, with some jitter so that many do not come back at once.
func (t *task) backoff(attempt int, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked + time.Duration(rand.Int64N(int64(asked)/10+1)) // #nosec G404 -- jitter
	}
	d := t.Limits.Backoff << (attempt - 1)
	return d*3/4 + time.Duration(rand.Int64N(int64(d)/2+1)) // #nosec G404 -- jitter
}

func busyText(e *model.Error) string {
	switch e.Type {
	case "connection":
		return "The model can't be reached."
	case "incomplete", "stalled", "timeout", "not_a_stream":
		return "The model's answer broke off."
	}
	return "The model is busy."
}

// errTooLong is the end of a session that no model's window holds any more:
// clients offer a new session in place of another try.
var errTooLong = &RunError{
	Code: "too_long", Message: "This session is too long for the model now. Its files are safe: go on in a new session.",
}

// errPromptTooLong is the end of a run whose prompt alone is too much. It
// leaves no trace in the conversation, which goes on without it.
var errPromptTooLong = &RunError{
	Code: "prompt_too_long", Message: "This prompt is too long for the model. Make it shorter, or put the long part into a file of the project.",
}

// apiError says why the model gave no answer, and what to do about it. text is
// the provider's own, without secrets.
func (t *task) apiError(e *model.Error, text string) *RunError {
	said := cutText(strings.TrimRight(text, ". \n"), 300)
	switch {
	case e.Kind == model.PromptTooLong && float64(len(t.cur.Prompt))/bytesPerToken > float64(t.describe().ContextWindow)/2:
		return errPromptTooLong
	case e.Kind == model.PromptTooLong:
		return errTooLong
	case e.Kind == model.KeyRefused && e.Status == http.StatusForbidden:
		return &RunError{Code: "not_allowed", Message: "The model's provider does not allow this (" + said + "). Check what ANTHROPIC_API_KEY may use."}
	case e.Kind == model.KeyRefused:
		return &RunError{Code: "key_refused", Message: "The model key was refused. Check ANTHROPIC_API_KEY."}
	case e.Kind == model.Transient && e.RetryAfter > t.Limits.MaxWait:
		return &RunError{Code: "unavailable", Message: "The model's provider asks to wait for " + spell(e.RetryAfter) + ". Nothing is lost: try again then."}
	case e.Kind == model.Transient:
		return &RunError{Code: "unavailable", Message: strings.TrimSuffix(busyText(e), ".") + ", and stayed so over all attempts. Nothing is lost: try again later."}
	case e.Status == http.StatusNotFound:
		return &RunError{Code: "no_model", Message: fmt.Sprintf("The provider has no model %q (%s). Check ANTHROPIC_MODEL and ANTHROPIC_BASE_URL.", t.cur.Run.Model, said)}
	}
	return &RunError{Code: "bad_request", Message: "The model refused the request: " + said + "."}
}

// spell says a duration as people do, rounded up in its largest unit.
func spell(d time.Duration) string {
	unit, name := time.Second, "second"
	switch {
	case d >= time.Hour:
		unit, name = time.Hour, "hour"
	case d >= time.Minute:
		unit, name = time.Minute, "minute"
	}
	if n := (d + unit - 1) / unit; n != 1 {
		return fmt.Sprintf("%d %ss", n, name)
	}
	return "1 " + name
}
