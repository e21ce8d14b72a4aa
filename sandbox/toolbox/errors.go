//go:build linux

package toolbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// source marks an error as the toolbox's own; the SDKs choose typed errors by
// it together with the code.
const source = "DAYTONA_DAEMON"

// apiError is an answer other than success.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return e.message }

func fail(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "BAD_REQUEST", format, args...)
}

// fileError gives the operating system's word on a path its status.
func fileError(path string, err error) error {
	if err == nil {
		return nil
	}
	var api *apiError
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &tooBig):
		return fail(http.StatusRequestEntityTooLarge, "BAD_REQUEST", "body is larger than %d bytes", tooBig.Limit)
	case errors.Is(err, fs.ErrNotExist):
		return fail(http.StatusNotFound, "FILE_NOT_FOUND", "%s: no such file or directory", path)
	case errors.Is(err, fs.ErrPermission):
		return fail(http.StatusForbidden, "FILE_ACCESS_DENIED", "%s: permission denied", path)
	case errors.Is(err, fs.ErrExist):
		return fail(http.StatusConflict, "CONFLICT", "%s: already exists", path)
	case errors.Is(err, errEscapes):
		return fail(http.StatusForbidden, "FILE_ACCESS_DENIED", "%s: outside of the folder", path)
	case errors.Is(err, errExcept):
		return fail(http.StatusForbidden, "FILE_ACCESS_DENIED", "%s: left out", path)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ELOOP),
		errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTEMPTY):
		return fail(http.StatusBadRequest, "INVALID_FILE_PATH", "%s: %v", path, cause(err))
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fail(http.StatusInsufficientStorage, "INTERNAL_SERVER_ERROR", "%s: no space left in the sandbox", path)
	}
	return fmt.Errorf("%s: %w", path, cause(err))
}

// cause takes the operation and the path off an error of package os: the
// answer names the path as it was asked for.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

// errorBody is the toolbox's error shape. statusCode is repeated in it because
// older SDKs look nowhere else.
type errorBody struct {
	StatusCode int       `json:"statusCode"`
	Message    string    `json:"message"`
	Code       string    `json:"code,omitempty"`
	Source     string    `json:"source"`
	Timestamp  time.Time `json:"timestamp"`
	Path       string    `json:"path"`
	Method     string    `json:"method"`
}

func (s *Server) errorBody(r *http.Request, err error) errorBody {
	body := errorBody{
		StatusCode: http.StatusInternalServerError, Code: "INTERNAL_SERVER_ERROR", Message: err.Error(),
		Source: source, Timestamp: s.cfg.Now().UTC(), Path: r.URL.Path, Method: r.Method,
	}
	var api *apiError
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &api):
		body.StatusCode, body.Code, body.Message = api.status, api.code, api.message
	case errors.As(err, &tooBig):
		body.StatusCode, body.Code = http.StatusRequestEntityTooLarge, "BAD_REQUEST"
		body.Message = fmt.Sprintf("body is larger than %d bytes", tooBig.Limit)
	}
	return body
}

func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	body := s.errorBody(r, err)
	if body.StatusCode >= 500 {
		s.log.Warn("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	writeJSON(w, body.StatusCode, body)
}

// writeJSON answers with v. An error of writing means that the client is gone;
// there is nobody left to tell.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
