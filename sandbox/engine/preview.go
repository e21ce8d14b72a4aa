//go:build linux

package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authKey is the query parameter that carries a preview token.
const authKey = "DAYTONA_SANDBOX_AUTH_KEY"

// signed is a preview link that opens one port for a while.
type signed struct {
	id    string
	port  int
	until time.Time
}

// previewLabel returns the first label of a preview host.
func (e *Engine) previewLabel(host string) (string, bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.CutSuffix(strings.ToLower(host), "."+e.cfg.PreviewDomain)
}

// previewURL returns where a port of a sandbox, or a signed token, answers.
func (e *Engine) previewURL(r *http.Request, port int, label string) string {
	scheme, host := origin(r)
	if _, p, err := net.SplitHostPort(host); err == nil {
		return fmt.Sprintf("%s://%d-%s.%s:%s", scheme, port, label, e.cfg.PreviewDomain, p)
	}
	return fmt.Sprintf("%s://%d-%s.%s", scheme, port, label, e.cfg.PreviewDomain)
}

// portOf reads a port number from a path.
func portOf(r *http.Request) (int, error) {
	port, err := strconv.Atoi(r.PathValue("port"))
	if err != nil || port < 1 || port > 65535 {
		return 0, fail(http.StatusBadRequest, "Invalid port: it must be between 1 and 65535")
	}
	return port, nil
}

func (e *Engine) getPreview(w http.ResponseWriter, r *http.Request) error {
	port, err := portOf(r)
	if err != nil {
		return err
	}
	c, err := e.cell(r.PathValue("id"))
	if err != nil {
		return err
	}
	writeAnswer(w, http.StatusOK, map[string]any{
		"sandboxId": c.id, "url": e.previewURL(r, port, c.id), "token": c.snapshot().PreviewToken,
	})
	return nil
}

func (e *Engine) getSignedPreview(w http.ResponseWriter, r *http.Request) error {
	port, err := portOf(r)
	if err != nil {
		return err
	}
	c, err := e.cell(r.PathValue("id"))
	if err != nil {
		return err
	}
	seconds := 60
	if text := r.URL.Query().Get("expiresInSeconds"); text != "" {
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || seconds > 86400 {
			return fail(http.StatusBadRequest, "expiresInSeconds must be between 1 and 86400")
		}
	}
	token := newPreviewToken()[:16]
	e.mu.Lock()
	for t, s := range e.signed {
		if e.now().After(s.until) {
			delete(e.signed, t)
		}
	}
	e.signed[token] = signed{c.id, port, e.now().Add(time.Duration(seconds) * time.Second)}
	e.mu.Unlock()
	writeAnswer(w, http.StatusOK, map[string]any{
		"sandboxId": c.id, "port": port, "token": token, "url": e.previewURL(r, port, token),
	})
	return nil
}

func (e *Engine) expireSignedPreview(w http.ResponseWriter, r *http.Request) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := e.signed[r.PathValue("token")]; ok && s.id == r.PathValue("id") {
		delete(e.signed, r.PathValue("token"))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// resolve finds the sandbox that a preview host names. For a signed link it
// returns the link's token too.
func (e *Engine) resolve(label string) (c *cell, port int, link string, err error) {
	number, name, _ := strings.Cut(label, "-")
	port, err = strconv.Atoi(number)
	if err != nil || port < 1 || port > 65535 {
		return nil, 0, "", fail(http.StatusBadRequest, "a preview's host is <port>-<sandbox>.%s", e.cfg.PreviewDomain)
	}
	switch port {
	case toolboxPort, 22222, 33333:
		return nil, 0, "", fail(http.StatusForbidden, "port %d is not open", port)
	}
	e.mu.Lock()
	s, isLink := e.signed[name]
	e.mu.Unlock()
	if isLink {
		if s.port != port || e.now().After(s.until) {
			return nil, 0, "", fail(http.StatusUnauthorized, "the preview link has expired")
		}
		c, err = e.cell(s.id)
		return c, port, name, err
	}
	c, err = e.cell(name)
	return c, port, "", err
}

// servePreview passes a request on to a port of a sandbox.
func (e *Engine) servePreview(w http.ResponseWriter, r *http.Request, label string) {
	c, port, link, err := e.resolve(label)
	if err != nil {
		e.writeError(w, r, err)
		return
	}
	rec := c.snapshot()
	cookie := "daytona-sandbox-auth-" + rec.ID
	pass := e.admit(r, rec, link, cookie)
	if pass.denied {
		e.writeError(w, r, fail(http.StatusUnauthorized, "Unauthorized: this preview is private"))
		return
	}
	addr, rt, ok := c.address(port)
	if !ok {
		e.writeError(w, r, fail(http.StatusBadRequest, "Sandbox is in state %s. Is the Sandbox started?", rec.State))
		return
	}
	if r.Header.Get(skipActivity) == "" {
		c.touch()
	}
	if pass.remember {
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // on loopback there is no TLS
			Name: cookie, Value: e.seal(rec), Path: "/", HttpOnly: true, MaxAge: 3600, SameSite: http.SameSiteLaxMode,
			Secure: r.TLS != nil,
		})
	}
	scheme, host := origin(r)
	proxy := &httputil.ReverseProxy{
		Transport: rt, FlushInterval: -1, ErrorLog: slog.NewLogLogger(e.log.Handler(), slog.LevelDebug),
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", addr
			p.Out.Host = host
			p.SetXForwarded()
			p.Out.Header.Set("X-Forwarded-Proto", scheme)
			p.Out.Header.Del("X-Daytona-Preview-Token")
			p.Out.Header.Del("X-Daytona-Skip-Preview-Warning")
			p.Out.Header.Del(skipActivity)
			if pass.key {
				p.Out.Header.Del("Authorization")
			}
			p.Out.URL.RawQuery = withoutKey(p.In.URL)
			dropCookie(p.Out, cookie)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			switch {
			case r.Context().Err() != nil:
			case !c.running():
				e.writeError(w, r, fail(http.StatusBadRequest, "Sandbox is in state %s. Is the Sandbox started?", c.state()))
			default:
				e.log.Debug("preview not reached", "sandbox", c.id, "port", port, "error", err)
				e.writeError(w, r, fail(http.StatusBadGateway, "nothing answers on port %d of the sandbox", port))
			}
		},
	}
	proxy.ServeHTTP(w, r)
}

// admission is the result of looking at a preview request.
type admission struct {
	denied   bool
	key      bool // by the API key, which the app must not see
	remember bool // set the cookie
}

// admit decides whether a request may see a private preview.
func (e *Engine) admit(r *http.Request, rec *record, link, cookie string) admission {
	if e.authorized(r) {
		return admission{key: true}
	}
	if rec.Public {
		return admission{}
	}
	if token := r.Header.Get("X-Daytona-Preview-Token"); token != "" && same(token, rec.PreviewToken) {
		return admission{}
	}
	if token := r.URL.Query().Get(authKey); token != "" && same(token, rec.PreviewToken) {
		return admission{remember: true}
	}
	if link != "" {
		return admission{}
	}
	if c, err := r.Cookie(cookie); err == nil && same(c.Value, e.seal(rec)) && ownPage(r) {
		return admission{}
	}
	return admission{denied: true}
}

// ownPage tells whether a browser sent a request for a page of the same origin,
// or because somebody goes to it: the previews of other sandboxes are the same
// site, so the cookie comes along with what their pages fetch and with their
// WebSockets. Browsers that don't say where a request comes from still name the
// origin of what could do harm.
func ownPage(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "":
		from := r.Header.Get("Origin")
		scheme, host := origin(r)
		return from == "" || from == scheme+"://"+host
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate"
}

// seal is the cookie's value: it proves the token without telling it.
func (e *Engine) seal(rec *record) string {
	m := hmac.New(sha256.New, []byte(e.cfg.APIKey))
	_, _ = m.Write([]byte("preview " + rec.ID + " " + rec.PreviewToken)) // a hash never fails
	return hex.EncodeToString(m.Sum(nil))
}

// dropCookie removes one cookie from a request.
func dropCookie(r *http.Request, name string) {
	cookies := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range cookies {
		if c.Name != name {
			r.AddCookie(c)
		}
	}
}

// withoutKey returns a URL's query as it came, without a preview token.
func withoutKey(u *url.URL) string {
	if !strings.Contains(u.RawQuery, authKey) {
		return u.RawQuery
	}
	parts := strings.Split(u.RawQuery, "&")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.HasPrefix(p, authKey+"=") }), "&")
}
