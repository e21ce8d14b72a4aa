package convex

import (
	"net/http"
	"strings"
)

// Handler serves clients: the WebSocket and the HTTP API under /api/, and with
// Auth the routes of the issuer, /.well-known/ and /api/auth/. Mount it at the
// root, or for /api/, /version, /instance_name, /instance_version and the two
// well-known documents.
func (rt *Runtime) Handler() http.Handler {
	sync := http.NewServeMux()
	sync.Handle("GET /api/sync", rt.socket)
	sync.Handle("GET /api/{version}/sync", rt.socket)
	sync.Handle("/", rt.api)
	if rt.auth == nil {
		return sync
	}
	site := rt.auth.Handler(rt.runner)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isSite(r.URL.Path) {
			site.ServeHTTP(w, r)
			return
		}
		sync.ServeHTTP(w, r)
	})
}

func isSite(path string) bool {
	return strings.HasPrefix(path, "/api/auth/") ||
		path == "/.well-known/openid-configuration" || path == "/.well-known/jwks.json"
}
