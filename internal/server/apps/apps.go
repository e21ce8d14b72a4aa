// Package apps is the door of deployed apps on this machine: it takes the
// app's name from the host and hands the request to the target that serves
// it. Cookies and tokens of the workspace are taken off first; browsers don't
// send them here, other clients might.
package apps

import (
	"net"
	"net/http"
	"strings"

	"surgent.dev/surgent/internal/server/credentials"
)

// Server serves the live release of an app. It answers 404 for an unknown
// name.
type Server interface {
	ServeApp(name string, w http.ResponseWriter, r *http.Request)
}

// New returns the door.
func New(s Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		name, _, _ := strings.Cut(host, ".")
		r = r.Clone(r.Context())
		credentials.Strip(r.Header)
		s.ServeApp(name, w, r)
	})
}
