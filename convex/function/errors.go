package function

import (
	"errors"
	"fmt"

	"surgent.dev/surgent/convex/value"
)

// Error is an error that a client may see. Every other error reaches clients
// as "Server Error" with a request id, and the log in full.
type Error struct {
	// Code says what kind of failure it is, for the program: "forbidden".
	Code string
	// Message is the text for people.
	Message string
	// Data is what clients find in ConvexError.data; it is sent only when
	// Convex is set.
	Data   value.Value
	Convex bool

	system bool // made by the runtime, not thrown by a function
	cause  error
}

// Error returns the message and, for the log, the cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause, which clients never see.
func (e *Error) Unwrap() error { return e.cause }

// Errorf returns an error whose text clients see: "Uncaught Error: <text>".
// What they must not see goes into WithCause, not into the text.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithCause returns a copy of e that keeps err for the log.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// NewConvexError returns an error that JavaScript clients catch as ConvexError
// with this data, any Go value that value.FromGo takes. Data with string
// fields "code" and "message" also sets those of the Error.
func NewConvexError(data any) *Error {
	v, err := value.FromGo(data)
	if err != nil {
		return &Error{Code: "internal", Message: "Server Error", cause: fmt.Errorf("encode error data: %w", err)}
	}
	e := &Error{Code: "invalid", Data: v, Convex: true}
	if o, ok := v.(value.Object); ok {
		if s, ok := o["code"].(string); ok {
			e.Code = s
		}
		e.Message, _ = o["message"].(string)
	}
	if s, ok := v.(string); ok {
		e.Message = s
	}
	return e
}

// systemErrorf returns an error that the runtime makes: its text stands alone.
func systemErrorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), system: true}
}

// Failure is an error in the form that goes to a client.
type Failure struct {
	// Message is the server's text, request id included.
	Message string
	// Stable is the text without the request id: equal failures have equal
	// stable texts.
	Stable string
	// Data is the encoded data of a ConvexError; nil when it is none.
	Data []byte
	// Code is the Error's code, "internal" when the cause is hidden.
	Code string
}

// failure turns an error into what a client sees.
func failure(err error, requestID string) *Failure {
	head := fmt.Sprintf("[Request ID: %s] Server Error", requestID)
	var e *Error
	if !errors.As(err, &e) || e.Code == "internal" {
		return &Failure{Message: head, Stable: "Server Error", Code: "internal"}
	}
	f := &Failure{Code: e.Code}
	text := e.Message
	if e.Convex {
		data, encErr := value.Encode(e.Data)
		if encErr != nil {
			return &Failure{Message: head, Stable: "Server Error", Code: "internal"}
		}
		f.Data = data
		text = "Uncaught ConvexError: " + string(data)
	} else if !e.system {
		text = "Uncaught Error: " + text
	}
	f.Stable = text
	f.Message = head + "\n" + text
	return f
}
