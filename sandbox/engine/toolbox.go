//go:build linux

package engine

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// skipActivity is the header of requests that are no use of a sandbox.
const skipActivity = "X-Daytona-Skip-Last-Activity-Update"

// serveToolbox passes a request on to the toolbox of a sandbox, with the
// sandbox's own token in the place of the API key.
func (e *Engine) serveToolbox(w http.ResponseWriter, r *http.Request) {
	c, err := e.cell(r.PathValue("id"))
	if !e.authorized(r) && (err != nil || !c.byQuery(r)) {
		e.writeError(w, r, fail(http.StatusUnauthorized, "Unauthorized"))
		return
	}
	if err != nil {
		e.writeError(w, r, err)
		return
	}
	addr, rt, ok := c.address(toolboxPort)
	if !ok {
		e.writeError(w, r, fail(http.StatusBadRequest, "Sandbox is in state %s. Is the Sandbox started?", c.state()))
		return
	}
	if r.Header.Get(skipActivity) == "" {
		c.touch()
	}
	token := c.snapshot().Token
	// Below the id, and below "toolbox" in the older form.
	path := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, "/api"); ok {
		path = cutSegments(rest, 3)
	} else {
		path = cutSegments(path, 2)
	}
	proxy := &httputil.ReverseProxy{
		Transport: rt, FlushInterval: -1, ErrorLog: slog.NewLogLogger(e.log.Handler(), slog.LevelDebug),
		Rewrite: func(p *httputil.ProxyRequest) {
			target := &url.URL{Scheme: "http", Host: addr}
			p.Out.URL.Scheme, p.Out.URL.Host = target.Scheme, target.Host
			setPath(p.Out.URL, path)
			p.Out.URL.RawQuery = withoutKey(p.In.URL)
			p.Out.Host = addr
			p.Out.Header.Set("Authorization", "Bearer "+token)
			p.Out.Header.Del("Cookie")
		},
		ModifyResponse: leadNowhere,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				return
			}
			// A 400 says that nothing arrived, and clients then send the
			// request again: only a failed dial is that sure.
			var op *net.OpError
			if !c.running() && errors.As(err, &op) && op.Op == "dial" {
				e.writeError(w, r, fail(http.StatusBadRequest, "Sandbox is in state %s. Is the Sandbox started?", c.state()))
				return
			}
			e.log.Warn("toolbox not reached", "sandbox", c.id, "error", err)
			e.writeError(w, r, fail(http.StatusBadGateway, "the sandbox's toolbox does not answer"))
		},
	}
	proxy.ServeHTTP(w, r)
}

// leadNowhere takes the address off a redirect: a toolbox has none to send, and
// /proxy passes on what the user's code says. Clients that follow it would bring
// the API key along.
func leadNowhere(resp *http.Response) error {
	if resp.StatusCode/100 == 3 {
		resp.Header.Del("Location")
	}
	return nil
}

// byQuery tells whether a WebSocket request carries the preview token in its
// query, as browsers, which set no headers, do it.
func (c *cell) byQuery(r *http.Request) bool {
	key := r.URL.Query().Get(authKey)
	return key != "" && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && same(key, c.snapshot().PreviewToken)
}

// cutSegments removes the first n segments of a path.
func cutSegments(path string, n int) string {
	for range n {
		_, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if !ok {
			return "/"
		}
		path = "/" + rest
	}
	return path
}

// setPath sets a URL's path from its encoded form, keeping the encoding.
func setPath(u *url.URL, escaped string) {
	if path, err := url.PathUnescape(escaped); err == nil {
		u.Path, u.RawPath = path, escaped
	}
}
