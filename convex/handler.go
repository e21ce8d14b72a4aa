package convex

import (
	"bytes"
	"io"
	"net/http"

	"surgent.dev/surgent/convex/wire"
)

// The addresses of Handler, as patterns of http.ServeMux: those of the clients'
// doors, and those of sign-in, which the clients' don't cover or come before.
var (
	clientPaths = []string{"/api/", "/version", "/instance_version", "/instance_name"}
	sitePaths   = []string{"/api/auth/", "/.well-known/openid-configuration", "/.well-known/jwks.json"}
)

// Paths returns the patterns of http.ServeMux that Handler answers, for
// programs that serve more than a Runtime on one address.
func Paths() []string { return append(append([]string{}, clientPaths...), sitePaths...) }

// Handler serves clients: the WebSocket and the HTTP API under /api/, and with
// Auth the routes of the issuer, /.well-known/ and /api/auth/. Mount it at the
// root, or for Paths. Pages of every origin may call it: clients prove
// themselves by tokens, never by cookies. A program with a narrower rule puts
// it before this.
func (rt *Runtime) Handler() http.Handler {
	clients := http.NewServeMux()
	clients.Handle("GET /api/sync", rt.socket)
	clients.Handle("GET /api/{version}/sync", rt.socket)
	clients.Handle("/", rt.api)
	if rt.auth == nil {
		return clients
	}
	mux := http.NewServeMux()
	mux.Handle("/", clients)
	site := rt.limitBody(rt.auth.Handler(rt.runner))
	for _, path := range sitePaths {
		mux.Handle(path, site)
	}
	return mux
}

// maxForm is the largest body for the routes of sign-in: a form with a code.
const maxForm = 64 << 10

// limitBody reads bodies before they are parsed.
func (rt *Runtime) limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, bad := wire.ReadBody(w, r, maxForm, rt.limits.BodyTimeout)
		if bad != nil {
			http.Error(w, bad.Text, bad.Status)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}
