package daytona

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"surgent.dev/surgent/sandbox"
)

// Error is an answer other than success. It wraps the error of package sandbox
// that fits.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code and Source are the server's words, where it has any.
	Code, Source string
	// Message says what was wrong, for people.
	Message string

	kind error
	// retryAfter is how long the server asks to wait, 0 when it does not say.
	retryAfter time.Duration
}

// Error returns the server's text.
func (e *Error) Error() string {
	if e.kind != nil {
		return fmt.Sprintf("%v: %s (%d)", e.kind, e.Message, e.Status)
	}
	return fmt.Sprintf("daytona: %s (%d)", e.Message, e.Status)
}

// Reason returns the server's words alone, for people.
func (e *Error) Reason() string { return e.Message }

// Unwrap returns the error of package sandbox, or nil.
func (e *Error) Unwrap() error { return e.kind }

// Quota tells whether the account's limits were reached: trying again does not
// help.
func (e *Error) Quota() bool {
	return e.Status == http.StatusBadRequest && strings.Contains(e.Message, "limit exceeded")
}

// fromDaemon tells whether the answer came from inside the sandbox, and not
// from something in front of it.
func (e *Error) fromDaemon() bool { return e.Source == "DAYTONA_DAEMON" }

// changing tells whether the server refused because the sandbox is between two
// states. It was a 400 once, and is a 409.
func (e *Error) changing() bool {
	return (e.Status == http.StatusConflict || e.Status == http.StatusBadRequest) &&
		strings.Contains(strings.ToLower(e.Message), "state change in progress")
}

// readError makes an Error of an answer and closes its body.
func readError(resp *http.Response) *Error {
	defer func() { _ = resp.Body.Close() }()
	// A cut body is as good as an empty one here: the status stands.
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	e := &Error{Status: resp.StatusCode}
	if sec, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && sec > 0 {
		e.retryAfter = time.Duration(sec) * time.Second
	}
	var body struct {
		Message json.RawMessage `json:"message"`
		Error   json.RawMessage `json:"error"`
		Errors  []string        `json:"errors"`
		Code    string          `json:"code"`
		Code2   string          `json:"error_code"`
		Source  string          `json:"source"`
	}
	if json.Unmarshal(text, &body) == nil {
		e.Code, e.Source = body.Code, body.Source
		if e.Code == "" {
			e.Code = body.Code2
		}
		for _, raw := range []json.RawMessage{body.Message, body.Error} {
			if e.Message == "" {
				e.Message = jsonText(raw)
			}
		}
		if e.Message == "" {
			e.Message = strings.Join(body.Errors, ", ")
		}
	} else {
		e.Message = strings.TrimSpace(string(text))
	}
	if e.Message == "" {
		e.Message = http.StatusText(resp.StatusCode)
	}
	e.kind = kindOf(e.Status)
	if e.Code == "NO_ROOM" {
		e.kind = sandbox.ErrNoRoom
	}
	return e
}

// jsonText reads a string, or a list of them.
func jsonText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, ", ")
	}
	return ""
}

func kindOf(status int) error {
	switch status {
	case http.StatusNotFound:
		return sandbox.ErrNotFound
	case http.StatusConflict:
		return sandbox.ErrConflict
	case http.StatusRequestTimeout:
		return sandbox.ErrTimeout
	case http.StatusGone:
		return sandbox.ErrEnded
	case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return sandbox.ErrInvalid
	}
	return nil
}
