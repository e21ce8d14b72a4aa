// Package credentials knows which cookies and tokens are the workspace's own,
// so that the doors to code that strangers wrote can take them off a request
// before they pass it on.
package credentials

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// PreviewCookie is the cookie that opens one sandbox's preview, on the
// preview's own origin.
const PreviewCookie = "surgent_preview"

// Strip removes our cookies and a sign-in token of ours from h, and keeps
// everything that is the app's own.
func Strip(h http.Header) {
	stripCookies(h)
	for _, v := range h.Values("Authorization") {
		if isOurToken(v) {
			h.Del("Authorization")
			return
		}
	}
}

// Ours tells whether a cookie name belongs to the workspace or to a preview.
func Ours(name string) bool {
	bare := strings.TrimPrefix(strings.TrimPrefix(name, "__Host-"), "__Secure-")
	return strings.HasPrefix(bare, "__convexAuth") || strings.HasPrefix(bare, "surgent_")
}

func stripCookies(h http.Header) {
	lines := h.Values("Cookie")
	if len(lines) == 0 {
		return
	}
	var keep []string
	for _, line := range lines {
		for _, pair := range strings.Split(line, ";") {
			pair = strings.TrimSpace(pair)
			name, _, _ := strings.Cut(pair, "=")
			if pair != "" && !Ours(name) {
				keep = append(keep, pair)
			}
		}
	}
	h.Del("Cookie")
	if len(keep) > 0 {
		h.Set("Cookie", strings.Join(keep, "; "))
	}
}

// isOurToken recognizes the sign-in token by its audience. It need not be
// valid: what matters is that it might be.
func isOurToken(authorization string) bool {
	scheme, token, _ := strings.Cut(authorization, " ")
	parts := strings.Split(token, ".")
	if !strings.EqualFold(scheme, "Bearer") || len(parts) != 3 {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Aud any `json:"aud"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return false
	}
	if list, ok := claims.Aud.([]any); ok && len(list) == 1 {
		return list[0] == "convex"
	}
	return claims.Aud == "convex"
}
