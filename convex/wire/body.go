package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// BadBody says why a request's body was refused, and with which status.
type BadBody struct {
	Status int
	Code   string // "RequestTooLarge"
	Text   string
}

// ReadBody reads the whole body of a request of at most limit bytes that comes
// within a time; 0 means no limit on the time. After a refusal the connection is
// of no more use.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64, within time.Duration) ([]byte, *BadBody) {
	late := readBefore(w, within)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	tooLate := late()
	if err == nil && !tooLate {
		return body, nil
	}
	HangUp(w)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &BadBody{http.StatusRequestEntityTooLarge, "RequestTooLarge", fmt.Sprintf("The request body is larger than %d bytes", limit)}
	case tooLate:
		return nil, &BadBody{http.StatusRequestTimeout, "RequestTimeout", fmt.Sprintf("The request body did not come within %v", within)}
	default:
		return nil, &BadBody{http.StatusBadRequest, "BadRequest", "The request body could not be read"}
	}
}

// Refuse answers a request whose body was not read with a failure of the
// request, in the form that clients know.
func Refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	HangUpOnBody(w, r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "message": message}) // a client that left needs no answer
}

// HangUp ends the connection with the answer that comes next. Otherwise the
// server would wait for the rest of a body that nobody wants, for as long as
// its sender likes.
func HangUp(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(longAgo) // without a connection there is nothing to end
}

// HangUpOnBody hangs up on a request that has a body where none is read.
func HangUpOnBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		HangUp(w)
	}
}

// longAgo as a deadline makes reads fail at once.
var longAgo = time.Unix(1, 0)

// readBefore makes reads of a request's connection fail after a time, until the
// function that it returns is called, which reports whether they do already. A
// writer that has no connection, as in tests, is not timed.
func readBefore(w http.ResponseWriter, within time.Duration) (late func() bool) {
	if within <= 0 {
		return func() bool { return false }
	}
	c := http.NewResponseController(w)
	fired := make(chan bool, 1) // the timer's one send: whether reads fail now
	timer := time.AfterFunc(within, func() { fired <- c.SetReadDeadline(longAgo) == nil })
	return func() bool { return !timer.Stop() && <-fired }
}
