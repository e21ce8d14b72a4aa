package credentials_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/server/credentials"
)

func TestStrip(t *testing.T) {
	t.Parallel()
	token := func(claims string) string {
		return "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	for name, tc := range map[string]struct{ in, want http.Header }{
		"our cookies": {
			http.Header{"Cookie": {"theme=dark; __convexAuthJWT=a; __Host-__convexAuthRefreshToken=b", "surgent_preview=c; cart=1"}},
			http.Header{"Cookie": {"theme=dark; cart=1"}},
		},
		"only ours":      {http.Header{"Cookie": {"surgent_preview=c"}}, http.Header{}},
		"our token":      {http.Header{"Authorization": {token(`{"aud":"convex","sub":"u|s"}`)}}, http.Header{}},
		"our token list": {http.Header{"Authorization": {token(`{"aud":["convex"]}`)}}, http.Header{}},
		"the app's token": {
			http.Header{"Authorization": {token(`{"aud":"todo"}`)}},
			http.Header{"Authorization": {token(`{"aud":"todo"}`)}},
		},
		"basic": {http.Header{"Authorization": {"Basic dTpw"}}, http.Header{"Authorization": {"Basic dTpw"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credentials.Strip(tc.in)
			if diff := cmp.Diff(tc.want, tc.in); diff != "" {
				t.Error(diff)
			}
		})
	}
}
