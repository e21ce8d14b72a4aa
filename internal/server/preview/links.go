package preview

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"surgent.dev/surgent/internal/server/credentials"
)

// How long a link may wait to be opened, and how long the cookie that it
// brings opens the preview.
const (
	linkLife   = time.Minute
	cookieLife = 12 * time.Hour
)

// openPath is where a link leads, on the preview's own host.
const openPath = "/.surgent/open"

// Links makes and redeems the signed links that open a private preview. A
// link works once and for a minute. Which nonces were used is kept in memory,
// so a link that is older than this process is refused: whoever holds it asks
// for another.
type Links struct {
	secret  []byte
	domain  string
	scheme  string
	now     func() time.Time
	started time.Time

	mu   sync.Mutex // guards used
	used map[string]time.Time
}

// NewLinks returns a maker of links under domain. secret is at least 32
// bytes and stays the same over restarts, so that cookies do.
func NewLinks(secret []byte, scheme, domain string, now func() time.Time) (*Links, error) {
	if len(secret) < 32 {
		return nil, errors.New("new preview links: secret under 32 bytes")
	}
	return &Links{secret: secret, domain: domain, scheme: scheme, now: now, started: now(), used: map[string]time.Time{}}, nil
}

type claim struct {
	Sandbox string `json:"s"`
	Port    int    `json:"p"`
	Path    string `json:"t"` // where it leads, on the preview's own host
	Issued  int64  `json:"i"` // ms
	Nonce   string `json:"n"`
}

// Origin returns the address of one port of a sandbox, without a path.
func (l *Links) Origin(sandboxID string, port int) string {
	return fmt.Sprintf("%s://%d-%s.%s", l.scheme, port, sandboxID, l.domain)
}

// Link returns a fresh link to one port of a sandbox. It leads to path, which
// begins with one slash and may have a query and a fragment.
func (l *Links) Link(sandboxID string, port int, path string) string {
	raw, err := json.Marshal(claim{Sandbox: sandboxID, Port: port, Path: path, Issued: l.now().UnixMilli(), Nonce: rand.Text()})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	body := base64.RawURLEncoding.EncodeToString(raw)
	return l.Origin(sandboxID, port) + openPath + "?key=" + url.QueryEscape(body+"."+l.sign("link", body))
}

// redeem checks a key, burns it and returns the path that its link leads to.
func (l *Links) redeem(key, sandboxID string, port int) (path string, ok bool) {
	body, sig, ok := strings.Cut(key, ".")
	if !ok || !hmac.Equal([]byte(sig), []byte(l.sign("link", body))) {
		return "", false
	}
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return "", false
	}
	var c claim
	if json.Unmarshal(raw, &c) != nil || c.Sandbox != sandboxID || c.Port != port {
		return "", false
	}
	now, issued := l.now(), time.UnixMilli(c.Issued)
	if now.Sub(issued) > linkLife || issued.Before(l.started.Truncate(time.Millisecond)) {
		return "", false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for nonce, at := range l.used {
		if now.Sub(at) > linkLife {
			delete(l.used, nonce)
		}
	}
	if _, burnt := l.used[c.Nonce]; burnt {
		return "", false
	}
	l.used[c.Nonce] = issued
	return c.Path, true
}

// cookie returns the cookie that opens every path of one sandbox's host. Only
// these attributes come back inside a frame of the workspace: the preview is
// another site there, and browsers keep its cookies per embedding page.
func (l *Links) cookie(sandboxID string) *http.Cookie {
	until := l.now().Add(cookieLife)
	expiry := base64.RawURLEncoding.EncodeToString(fmt.Append(nil, until.Unix()))
	return &http.Cookie{ //nolint:gosec // SameSite=None is what frames need
		Name: credentials.PreviewCookie, Value: expiry + "." + l.sign("cookie", sandboxID+"/"+expiry),
		Path: "/", MaxAge: int(cookieLife / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode, Partitioned: true,
	}
}

// opens tells whether a request carries a valid cookie for the sandbox.
func (l *Links) opens(r *http.Request, sandboxID string) bool {
	for _, c := range r.CookiesNamed(credentials.PreviewCookie) {
		expiry, sig, ok := strings.Cut(c.Value, ".")
		if !ok || !hmac.Equal([]byte(sig), []byte(l.sign("cookie", sandboxID+"/"+expiry))) {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(expiry)
		if err != nil {
			continue
		}
		var until int64
		if _, err := fmt.Sscan(string(raw), &until); err == nil && l.now().Before(time.Unix(until, 0)) {
			return true
		}
	}
	return false
}

// sign keys the purpose in, so that a link's signature is no cookie's.
func (l *Links) sign(purpose, text string) string {
	mac := hmac.New(sha256.New, l.secret)
	mac.Write([]byte("preview/" + purpose + "/" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
