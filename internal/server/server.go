// Package server is the product's front door: it looks at the host name of a
// request and hands it to the door of that origin. The workspace, each
// preview and each deployed app are origins of their own, so that code which
// a stranger wrote never shares cookies or storage with the workspace.
//
//	<domain>                     the workspace and the function runtime
//	<port>-<sandbox>.<domain>    a preview
//	<name>.<domain>              a deployed app
//
// The doors are the folders beside this file; none knows another.
package server

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"surgent.dev/surgent/convex/wire"
)

// Config names the doors. All are required but Apps: without it (apps live
// elsewhere) their hosts are not found.
type Config struct {
	Domain    string // host[:port] of the workspace, lower case
	Scheme    string // http or https
	Workspace http.Handler
	// Functions answers FunctionPaths, patterns of http.ServeMux: clients of
	// the function runtime and the routes of sign-in.
	Functions     http.Handler
	FunctionPaths []string
	// Origins lists pages of other sites that may call Functions, as browsers
	// write them: https://front.example.
	Origins []string
	Health  http.Handler // /healthz
	Preview http.Handler
	Apps    http.Handler
}

// New returns the router.
func New(c Config) (http.Handler, error) {
	if c.Domain == "" || c.Scheme == "" || c.Workspace == nil || c.Functions == nil || len(c.FunctionPaths) == 0 || c.Health == nil || c.Preview == nil {
		return nil, errors.New("new router: domain, scheme and doors are required")
	}
	main := http.NewServeMux()
	main.Handle("/healthz", bodiless(c.Health))
	functions := &callers{next: c.Functions, domain: hostOnly(c.Domain), origins: c.Origins}
	for _, path := range c.FunctionPaths {
		main.Handle(path, functions)
	}
	main.Handle("/", bodiless(canonical(c.Workspace, c.Scheme, c.Domain)))
	return &router{domain: hostOnly(c.Domain), main: main, preview: c.Preview, apps: c.Apps}, nil
}

type router struct {
	domain              string
	main, preview, apps http.Handler
}

// ServeHTTP chooses by host. Ports are not compared: a proxy in front may
// listen on another one. Names of other domains get a page, never the
// workspace, so that a name rebound to this address reaches nothing; bare
// addresses can't be rebound and reach the workspace.
func (s *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// "GET http:x" names neither a path nor a host. No door has to know of it.
	if r.URL.Opaque != "" {
		http.Error(w, "The address of the request must be a path.", http.StatusBadRequest)
		return
	}
	host := hostOnly(strings.ToLower(r.Host))
	label, isSub := strings.CutSuffix(host, "."+s.domain)
	switch {
	case host == s.domain, host == "localhost", net.ParseIP(strings.Trim(host, "[]")) != nil:
		s.main.ServeHTTP(w, r)
	case !isSub || label == "" || strings.Contains(label, "."):
		notFound(w)
	case isPreviewLabel(label):
		s.preview.ServeHTTP(w, r)
	case s.apps != nil:
		s.apps.ServeHTTP(w, r)
	default:
		notFound(w)
	}
}

// bodiless is for doors that read no bodies: the connection of a request that
// has one ends with the answer.
func bodiless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wire.HangUpOnBody(w, r)
		next.ServeHTTP(w, r)
	})
}

// canonical sends a browser that came by another name of this machine, such
// as 127.0.0.1, to the workspace's own: previews let nobody else frame them.
func canonical(next http.Handler, scheme, domain string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Mode") == "navigate" && hostOnly(strings.ToLower(r.Host)) != hostOnly(domain) {
			http.Redirect(w, r, scheme+"://"+domain+r.URL.RequestURI(), http.StatusTemporaryRedirect) //nolint:gosec // scheme and host are ours, and a request URI begins with "/"
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isPreviewLabel tells whether a host's first label has the form of a
// preview's, `<digits>-…`. No app may have such a name.
func isPreviewLabel(label string) bool {
	digits, rest, ok := strings.Cut(label, "-")
	return ok && digits != "" && rest != "" && strings.Trim(digits, "0123456789") == ""
}

func hostOnly(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return hostport
}

func notFound(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte("There is nothing at this address.\n"))
}
