// Package errs is the one error type of the product: a code that doors can
// branch on, a message that a person may read, and a cause that stays inside
// the process. The engines do not export it; they have error types of their
// own that outside users can name.
package errs

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an error is. Doors map it to a status.
type Code string

// The codes. An error without one is Internal: its text never leaves the
// process.
const (
	Invalid         Code = "invalid"
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	Unavailable     Code = "unavailable"
	Internal        Code = "internal"
)

// Error carries a code, a message for people, and optionally the private
// cause.
type Error struct {
	Code    Code
	Message string
	Cause   error
}

// Error returns the whole text, cause included: for logs, not for clients.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.Cause }

// New returns an error with a code and a message for people.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error with a code and a message, keeping cause for the log.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// CodeOf returns the code of the first coded error in err's tree, Internal
// when there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// MessageOf returns the text that may be shown to the person who caused err:
// the message of the first coded error, or "Server Error".
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Code != Internal {
		return e.Message
	}
	return "Server Error"
}
