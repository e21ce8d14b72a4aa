package auth

import (
	"context"
	"encoding/json"
	"net/http"

	"surgent.dev/surgent/convex/function"
)

// Verify returns the identity that a JWT proves, or why it proves none.
func (a *Auth) Verify(_ context.Context, token string) (*function.Identity, error) {
	return a.keys.verify(token, a.config.Now())
}

// Handler serves what the issuer's origin must: the OpenID configuration, the
// key set, and the sign-in routes of Google. run runs auth:store.
func (a *Auth) Handler(run Invoker) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		text, err := json.Marshal(map[string]string{
			"issuer":                 a.config.IssuerURL,
			"jwks_uri":               a.config.IssuerURL + "/.well-known/jwks.json",
			"authorization_endpoint": a.config.IssuerURL + "/oauth/authorize",
		})
		if err != nil {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		writeMetadata(w, text)
	})
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		writeMetadata(w, a.keys.jwks)
	})
	a.addGoogle(mux, run)
	return mux
}

func writeMetadata(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400")
	_, _ = w.Write(text) // a client that left needs no answer
}
