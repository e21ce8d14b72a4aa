package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"surgent.dev/surgent/convex/function"
)

// Invoker runs functions; *function.Runner is one.
type Invoker interface {
	Invoke(ctx context.Context, kind function.Kind, id *function.Identity, name string, args, out any) error
}

// googleRoutes are the two addresses of a sign-in with Google: where the
// browser leaves from, and where it comes back to. The secret of the browser's
// cookie (PKCE) ties the two together, and the verifier that the client keeps
// ties them to the sign-in that it began.
type googleRoutes struct {
	auth     *Auth
	provider *provider
	run      Invoker
	prefix   string // of cookie names
}

const (
	cookiePKCE     = "googleOAuthpkce"
	cookieRedirect = "googleRedirectTo"
	cookieLife     = 15 * time.Minute
)

var localOrigin = regexp.MustCompile(`^https?://(localhost|127\.0\.0\.1):\d+$`)

func (a *Auth) addGoogle(mux *http.ServeMux, run Invoker) {
	if a.config.Google == nil {
		mux.HandleFunc("/api/auth/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusNotImplemented)
			_, _ = io.WriteString(w, "Google is not configured\n") // a client that left needs no answer
		})
		return
	}
	g := &googleRoutes{auth: a, provider: newProvider(*a.config.Google, a.config.Now), run: run, prefix: "__Host-"}
	if localOrigin.MatchString(a.config.IssuerURL) {
		g.prefix = "" // browsers give the prefix to secure origins only
	}
	mux.HandleFunc("GET /api/auth/signin/google", g.leave)
	mux.HandleFunc("GET /api/auth/callback/google", g.comeBack)
	mux.HandleFunc("POST /api/auth/callback/google", g.comeBack)
	mux.HandleFunc("/api/auth/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
}

func (g *googleRoutes) callback() string {
	return g.auth.config.IssuerURL + "/api/auth/callback/google"
}

// leave sends the browser to the provider.
func (g *googleRoutes) leave(w http.ResponseWriter, r *http.Request) {
	to, secret, err := g.begin(r)
	if err != nil {
		g.auth.config.Logger.WarnContext(r.Context(), "begin sign-in with google", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	g.setCookie(w, cookiePKCE, secret)
	if redirect := r.URL.Query().Get("redirectTo"); redirect != "" {
		g.setCookie(w, cookieRedirect, redirect)
	}
	http.Redirect(w, r, to, http.StatusFound) //nolint:gosec // to the provider's own address
}

func (g *googleRoutes) begin(r *http.Request) (to, secret string, err error) {
	query := r.URL.Query()
	if query.Get("code") == "" {
		return "", "", errors.New("the code is missing")
	}
	if redirect := query.Get("redirectTo"); redirect != "" {
		if _, err := g.auth.checkRedirect(redirect); err != nil {
			return "", "", err
		}
	}
	m, _, err := g.provider.discover(r.Context())
	if err != nil {
		return "", "", err
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	step := storeArgs{Type: stepSign, Verifier: query.Get("code"), Secret: secret}
	if err := g.run.Invoke(r.Context(), function.KindMutation, nil, "auth:store", storeCall{step}, nil); err != nil {
		return "", "", err
	}
	target, err := url.Parse(m.Authorization)
	if err != nil {
		return "", "", err
	}
	challenge := sha256.Sum256([]byte(secret))
	q := target.Query()
	q.Set("response_type", "code")
	q.Set("client_id", g.provider.ClientID)
	q.Set("redirect_uri", g.callback())
	q.Set("scope", "openid profile email")
	q.Set("code_challenge", base64.RawURLEncoding.EncodeToString(challenge[:]))
	q.Set("code_challenge_method", "S256")
	target.RawQuery = q.Encode()
	return target.String(), secret, nil
}

// comeBack takes the browser in again and sends it to the site with a code for
// the client to exchange, or without one when anything is wrong.
func (g *googleRoutes) comeBack(w http.ResponseWriter, r *http.Request) {
	to := g.destination(r)
	code, err := g.finish(r)
	if err != nil {
		g.auth.config.Logger.WarnContext(r.Context(), "finish sign-in with google", "error", err)
	} else {
		q := to.Query()
		q.Set("code", code)
		to.RawQuery = q.Encode()
	}
	g.clearCookie(w, cookiePKCE)
	g.clearCookie(w, cookieRedirect)
	w.Header().Set("Cache-Control", "must-revalidate")
	http.Redirect(w, r, to.String(), http.StatusFound) //nolint:gosec // checkRedirect keeps it within the site
}

// destination is where the sign-in was asked to end, within the site.
func (g *googleRoutes) destination(r *http.Request) *url.URL {
	to := g.auth.config.SiteURL
	if wanted := g.cookie(r, cookieRedirect); wanted != "" {
		if allowed, err := g.auth.checkRedirect(wanted); err == nil {
			to = allowed
		}
	}
	u, err := url.Parse(to)
	if err != nil {
		return &url.URL{Path: "/"}
	}
	return u
}

func (g *googleRoutes) finish(r *http.Request) (string, error) {
	secret := g.cookie(r, cookiePKCE)
	code := r.FormValue("code")
	if secret == "" || code == "" {
		return "", errors.New("the code or the cookie is missing")
	}
	who, err := g.provider.exchange(r.Context(), code, secret, g.callback())
	if err != nil {
		return "", err
	}
	var login string
	step := storeArgs{Type: stepOAuth, Provider: "google", Secret: secret, Profile: &who}
	err = g.run.Invoke(r.Context(), function.KindMutation, nil, "auth:store", storeCall{step}, &login)
	return login, err
}

func (g *googleRoutes) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(g.prefix + name)
	if err != nil {
		return ""
	}
	v, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	return v
}

func (g *googleRoutes) setCookie(w http.ResponseWriter, name, value string) {
	g.writeCookie(w, name, url.QueryEscape(value), int(cookieLife.Seconds()))
}

func (g *googleRoutes) clearCookie(w http.ResponseWriter, name string) {
	g.writeCookie(w, name, "", -1)
}

func (g *googleRoutes) writeCookie(w http.ResponseWriter, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // SameSite=None: the provider's site sends the browser back
		Name: g.prefix + name, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteNoneMode, Partitioned: true,
	})
}
