package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"surgent.dev/surgent/convex/auth"
	"surgent.dev/surgent/convex/function"
)

const (
	clientID     = "client 1"
	clientSecret = "s/cret:+"
)

// googleLike is an OpenID provider that refuses whatever the real one refuses.
type googleLike struct {
	t   *testing.T
	url string
	key *rsa.PrivateKey

	mu     sync.Mutex
	grants map[string]grantRequest // by authorization code
	next   map[string]any          // claims of the next id token
	signer *rsa.PrivateKey         // signs the next id token
}

type grantRequest struct{ challenge, redirectURI string }

func newGoogleLike(t *testing.T) *googleLike {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	g := &googleLike{t: t, key: key, signer: key, grants: map[string]grantRequest{}}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	g.url = srv.URL
	answer := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]string{
			"issuer": g.url, "authorization_endpoint": g.url + "/authorize", "token_endpoint": g.url + "/token", "jwks_uri": g.url + "/keys",
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", g.token)
	return g
}

// authorize does what the provider does when the person agrees: it sends the
// browser back with a code.
func (g *googleLike) authorize(location string) string {
	g.t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		g.t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(location, g.url+"/authorize?") || q.Get("response_type") != "code" || q.Get("client_id") != clientID ||
		q.Get("scope") != "openid profile email" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" {
		g.t.Fatalf("the browser was sent to %s", location)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	code := "code-" + q.Get("code_challenge")
	g.grants[code] = grantRequest{q.Get("code_challenge"), q.Get("redirect_uri")}
	return q.Get("redirect_uri") + "?code=" + url.QueryEscape(code)
}

func (g *googleLike) token(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	grant, ok := g.grants[r.PostFormValue("code")]
	delete(g.grants, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || id != url.QueryEscape(clientID) || secret != url.QueryEscape(clientSecret) ||
		r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != grant.redirectURI ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != grant.challenge {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: g.signer, KeyID: "k1"}}, nil)
	if err != nil {
		g.t.Error(err)
		return
	}
	claims := map[string]any{"iss": g.url, "aud": clientID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range g.next {
		claims[k] = v
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		g.t.Error(err)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"id_token": token, "access_token": "x", "token_type": "Bearer"})
}

// oauthWorld is a site with Google, and the provider.
type oauthWorld struct {
	t      *testing.T
	google *googleLike
	runner *function.Runner
	site   string
	auth   *auth.Auth
}

func newOAuthWorld(t *testing.T) *oauthWorld {
	t.Helper()
	w := &oauthWorld{t: t, google: newGoogleLike(t)}
	var handler http.Handler
	srv := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	t.Cleanup(srv.Close)
	// Cookies are for secure origins only, and a TLS server is one.
	w.site = srv.URL
	a, err := auth.Open(auth.Config{
		SiteURL: w.site, KeyFile: filepath.Join(t.TempDir(), "a.pem"),
		Google: &auth.Google{ClientID: clientID, ClientSecret: clientSecret, Issuer: w.google.url},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.auth, w.runner = a, newRunner(t, a)
	handler = a.Handler(w.runner)
	return w
}

// browser keeps cookies and does not follow redirects.
func (w *oauthWorld) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	tls := httptest.NewTLSServer(nil)
	defer tls.Close()
	client := tls.Client() // trusts the certificate that all test servers have
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// visit returns where a page sends the browser.
func (w *oauthWorld) visit(b *http.Client, address string) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := b.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.Header.Get("Location")
}

func (w *oauthWorld) signIn(args map[string]any, out any) error {
	return w.runner.Invoke(w.t.Context(), function.KindAction, nil, "auth:signIn", args, out)
}

type begun struct {
	Redirect string `json:"redirect"`
	Verifier string `json:"verifier"`
}

// walk is a whole sign-in: it returns where the browser ends and the verifier.
func (w *oauthWorld) walk(b *http.Client, claims map[string]any) (end *url.URL, verifier string) {
	w.t.Helper()
	var out begun
	if err := w.signIn(map[string]any{"provider": "google", "params": map[string]any{"redirectTo": "/dashboard?tab=1"}}, &out); err != nil {
		w.t.Fatal(err)
	}
	w.google.mu.Lock()
	w.google.next = claims
	w.google.mu.Unlock()
	back := w.google.authorize(w.visit(b, out.Redirect))
	end, err := url.Parse(w.visit(b, back))
	if err != nil {
		w.t.Fatal(err)
	}
	return end, out.Verifier
}

// user signs in with a login code and returns who that is.
func (w *oauthWorld) user(code, verifier string) map[string]any {
	w.t.Helper()
	var in signedIn
	if err := w.signIn(map[string]any{"params": map[string]any{"code": code}, "verifier": verifier}, &in); err != nil {
		w.t.Fatal(err)
	}
	if in.Tokens == nil {
		w.t.Fatal("the code gave no tokens")
	}
	id, err := w.auth.Verify(w.t.Context(), in.Tokens.Token)
	if err != nil {
		w.t.Fatal(err)
	}
	var user map[string]any
	if err := w.runner.Invoke(w.t.Context(), function.KindQuery, id, "test:me", nil, &user); err != nil {
		w.t.Fatal(err)
	}
	return user
}

func ann(more ...any) map[string]any {
	c := map[string]any{"sub": "1", "email": "ann@example.com", "email_verified": true, "name": "Ann", "picture": "https://pic.example/ann"}
	for i := 0; i+1 < len(more); i += 2 {
		c[more[i].(string)] = more[i+1]
	}
	return c
}

// Case 60: the code works once, with its verifier.
func TestGoogle(t *testing.T) {
	t.Parallel()
	w := newOAuthWorld(t)
	end, verifier := w.walk(w.browser(), ann())
	if end.Path != "/dashboard" || end.Query().Get("tab") != "1" || len(end.Query().Get("code")) != 8 || w.site != end.Scheme+"://"+end.Host {
		t.Fatalf("the browser ended at %s", end)
	}
	first := w.user(end.Query().Get("code"), verifier)
	if first["email"] != "ann@example.com" || first["name"] != "Ann" || first["image"] != "https://pic.example/ann" || first["emailVerificationTime"] == nil {
		t.Errorf("the user is %v", first)
	}
	var again signedIn
	if err := w.signIn(map[string]any{"params": map[string]any{"code": end.Query().Get("code")}, "verifier": verifier}, &again); err != nil || again.Tokens != nil {
		t.Errorf("the code again: %+v, %v", again, err)
	}
	end, verifier = w.walk(w.browser(), ann("name", "Ann B."))
	second := w.user(end.Query().Get("code"), verifier)
	if second["_id"] != first["_id"] || second["name"] != "Ann B." {
		t.Errorf("the second time: %v", second)
	}
}

// An account joins a user only when both have proved the address.
func TestGoogleLinking(t *testing.T) {
	t.Parallel()
	w := newOAuthWorld(t)
	signUp := map[string]any{"provider": "password", "params": map[string]any{"flow": "signUp", "email": "ann@example.com", "password": "the attacker's"}}
	var squatter signedIn
	if err := w.signIn(signUp, &squatter); err != nil {
		t.Fatal(err)
	}
	squatterID, err := w.auth.Verify(t.Context(), squatter.Tokens.Token)
	if err != nil {
		t.Fatal(err)
	}
	in := func(claims map[string]any) map[string]any {
		end, verifier := w.walk(w.browser(), claims)
		return w.user(end.Query().Get("code"), verifier)
	}
	owner := in(ann())
	if owner["_id"] == squatterID.UserID() {
		t.Error("Google's user was given to the one who signed up with her address")
	}
	if other := in(ann("sub", "2")); other["_id"] != owner["_id"] {
		t.Error("a second account with the proved address is another user")
	}
	if unproved := in(ann("sub", "3", "email_verified", false)); unproved["_id"] == owner["_id"] {
		t.Error("an account without a proved address joined the user")
	}
}

// Whatever is wrong, the browser comes back without a code.
func TestGoogleRefusals(t *testing.T) {
	t.Parallel()
	w := newOAuthWorld(t)
	for name, claims := range map[string]map[string]any{
		"another audience": ann("aud", "other"),
		"two audiences":    ann("aud", []string{clientID, "other"}),
		"another issuer":   ann("iss", "https://elsewhere.example"),
		"expired":          ann("exp", time.Now().Add(-time.Minute).Unix()),
		"no subject":       ann("sub", ""),
	} {
		if end, _ := w.walk(w.browser(), claims); end.Query().Has("code") || end.Path != "/dashboard" {
			t.Errorf("%s: the browser ended at %s", name, end)
		}
	}
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w.google.mu.Lock()
	w.google.signer = foreign
	w.google.mu.Unlock()
	if end, _ := w.walk(w.browser(), ann()); end.Query().Has("code") {
		t.Error("a token of another key passed")
	}
	w.google.mu.Lock()
	w.google.signer = w.google.key
	w.google.mu.Unlock()

	// The cookie of another browser, and none.
	var out begun
	if err := w.signIn(map[string]any{"provider": "google"}, &out); err != nil {
		t.Fatal(err)
	}
	back := w.google.authorize(w.visit(w.browser(), out.Redirect))
	if end := w.visit(w.browser(), back); end != w.site {
		t.Errorf("without the cookie the browser ended at %s", end)
	}
	// A verifier works for one sign-in.
	if to := w.visit(w.browser(), w.site+"/api/auth/signin/google?code=nonsense"); to != "" {
		t.Errorf("an unknown verifier led to %s", to)
	}
	if to := w.visit(w.browser(), out.Redirect+"&redirectTo="+url.QueryEscape("https://evil.example")); to != "" {
		t.Errorf("a redirect to a stranger led to %s", to)
	}
	if end := w.visit(w.browser(), w.site+"/api/auth/callback/google?error=access_denied"); end != w.site {
		t.Errorf("a refusal ended at %s", end)
	}
}

func TestGoogleIsNotConfigured(t *testing.T) {
	t.Parallel()
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(t.TempDir(), "a.pem")})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	a.Handler(newRunner(t, a)).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/api/auth/signin/google?code=x", nil))
	if rec.Code != http.StatusNotImplemented || !strings.Contains(rec.Body.String(), "Google is not configured") {
		t.Errorf("answer %d %q", rec.Code, rec.Body)
	}
}
