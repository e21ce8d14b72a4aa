//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// apiError is an error that a client may read, with its HTTP status. Any
// other error is a 500 whose text stays in the log.
type apiError struct {
	status  int
	message string
	code    string // what clients branch on where the status is not enough
}

func (e *apiError) Error() string { return e.message }

// fail returns an error that the client gets with this status.
func fail(status int, format string, args ...any) error {
	return &apiError{status: status, message: fmt.Sprintf(format, args...)}
}

// codeNoRoom says that a sandbox may start once another stops.
const codeNoRoom = "NO_ROOM"

// codeOf returns the code of an error that a client may read, "" for none.
func codeOf(err error) string {
	var e *apiError
	if errors.As(err, &e) {
		return e.code
	}
	return ""
}

// statusOf returns the HTTP status of an error and what the client may read.
func statusOf(err error) (int, string) {
	var e *apiError
	if errors.As(err, &e) {
		return e.status, e.message
	}
	return http.StatusInternalServerError, "Internal server error"
}

// told makes err one that the client may read: what did not work and why, with
// the whole of it in the log.
func (e *Engine) told(err error, what string) error {
	var already *apiError
	if errors.As(err, &already) || errors.Is(err, context.Canceled) {
		return err
	}
	e.log.Error(what, "error", err) //nolint:sloglint // one of a few constant texts
	return fail(http.StatusBadRequest, "%s: %s", what, firstLine(err))
}

// Errors that several doors give.
func errNoSandbox(id string) error {
	return fail(http.StatusNotFound, "Sandbox with ID or name %s not found", id)
}

func errBusy() error { return fail(http.StatusConflict, "Sandbox state change in progress") }
