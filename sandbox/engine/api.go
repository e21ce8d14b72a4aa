//go:build linux

package engine

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds JSON bodies of the control API.
const maxBody = 1 << 20

// handler is a route of the control API: it writes its own success and
// returns what went wrong.
type handler func(w http.ResponseWriter, r *http.Request) error

// routes builds the engine's one handler.
//
//	<port>-<id>.preview.localhost   preview.go
//	/toolbox/{id}/…                 toolbox.go, as newer SDKs call it
//	/api/toolbox/{id}/toolbox/…     toolbox.go, as older SDKs call it
//	/api/socket.io/                 events.go
//	/api/…                          control: apisandbox.go, apisnapshot.go
func (e *Engine) routes() http.Handler {
	mux := http.NewServeMux()
	control := func(pattern string, h handler) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api"+path, func(w http.ResponseWriter, r *http.Request) {
			if !e.authorized(r) {
				e.writeError(w, r, fail(http.StatusUnauthorized, "Unauthorized"))
				return
			}
			if err := h(w, r); err != nil {
				e.writeError(w, r, err)
			}
		})
	}
	e.sandboxRoutes(control)
	e.snapshotRoutes(control)
	mux.HandleFunc("GET /api/socket.io/", e.serveEvents)
	mux.HandleFunc("/toolbox/{id}/", e.serveToolbox)
	mux.HandleFunc("/api/toolbox/{id}/toolbox/", e.serveToolbox)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		e.writeError(w, r, fail(http.StatusNotFound, "Cannot %s %s", r.Method, r.URL.Path))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-e.opened:
		case <-r.Context().Done():
			return
		case <-time.After(30 * time.Second):
			e.writeError(w, r, fail(http.StatusServiceUnavailable, "The sandbox engine is starting"))
			return
		}
		if label, ok := e.previewLabel(r.Host); ok {
			e.servePreview(w, r, label)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// authorized tells whether a request carries the API key.
func (e *Engine) authorized(r *http.Request) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && same(got, e.cfg.APIKey)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// writeError is the one place where an error becomes an answer.
func (e *Engine) writeError(w http.ResponseWriter, r *http.Request, err error) {
	status, message := statusOf(err)
	if status == http.StatusInternalServerError && r.Context().Err() == nil {
		e.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	body := map[string]any{
		"path": r.URL.Path, "timestamp": e.now().UTC().Format(time.RFC3339Nano), "method": r.Method,
		"statusCode": status, "error": http.StatusText(status), "message": message, "source": "DAYTONA_API",
	}
	if code := codeOf(err); code != "" {
		body["code"] = code
	}
	writeAnswer(w, status, body)
}

// writeAnswer writes a JSON body.
func writeAnswer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away
}

// decode reads a JSON body, which may be absent.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(v)
	var big *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &big):
		return fail(http.StatusRequestEntityTooLarge, "The request is larger than %d bytes", maxBody)
	}
	return fail(http.StatusBadRequest, "invalid request body: %v", err)
}

// sdkMinor returns the minor version in the SDK's header, 0.<minor>.x, and
// false when the request names none.
func sdkMinor(r *http.Request) (int, bool) {
	rest, ok := strings.CutPrefix(r.Header.Get("X-Daytona-SDK-Version"), "0.")
	if !ok {
		return 0, false
	}
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	return n, err == nil
}

// origin returns the scheme, host and port under which the client sees the
// engine.
func origin(r *http.Request) (scheme, host string) {
	scheme = "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme, r.Host
}
