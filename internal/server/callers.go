package server

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"surgent.dev/surgent/convex/wire"
)

// callers lets a page call the functions only when it is the workspace's own,
// one of a server on the visitor's machine, or listed. Functions look at tokens
// and not at cookies, so this is not about forged requests. It is about where a
// visitor's browser stands: a page of anybody, the visitor looking at it, would
// otherwise be a guest of a server that only this machine or this network
// reaches. What sends no Origin is no page.
type callers struct {
	next    http.Handler
	domain  string   // host of the workspace
	origins []string // that are listed
}

// ServeHTTP answers 403 to pages that may not call.
func (c *callers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	// The routes of sign-in are pages that a provider sends browsers to. What
	// ties them to the visitor is their cookie and the client's verifier.
	if origin == "" || !strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/api/auth/") || c.may(origin, r.Host) {
		c.next.ServeHTTP(w, r)
		return
	}
	wire.Refuse(w, r, http.StatusForbidden, "ForbiddenOrigin", "Pages of "+origin+" may not call this server. SURGENT_ORIGINS lists those that may.")
}

// may tells whether a page of this origin may call, on a host name that the
// router has found to be ours. "null", which every page can make itself be, is
// no origin.
func (c *callers) may(origin, host string) bool {
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	from := u.Hostname()
	switch {
	case strings.HasSuffix(from, "."+c.domain):
		return false // a preview or an app: code of anybody
	case from == c.domain, from == hostname(host), from == "localhost":
		return true
	}
	if ip := net.ParseIP(from); ip != nil && ip.IsLoopback() {
		return true
	}
	return slices.Contains(c.origins, u.Scheme+"://"+u.Host)
}

// hostname is a host without its port, an IPv6 address without its brackets.
func hostname(host string) string {
	return strings.Trim(hostOnly(strings.ToLower(host)), "[]")
}
