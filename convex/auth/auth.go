package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
)

// Config says how people sign in. The zero values of durations are those of
// @convex-dev/auth.
type Config struct {
	// SiteURL is the origin of the web app, without a trailing slash: where
	// people may be sent back to.
	SiteURL string
	// IssuerURL is the origin that serves Handler; it is the issuer of tokens.
	// "" means SiteURL.
	IssuerURL string
	// KeyFile holds the private key that signs tokens, as PKCS #8 PEM. It is
	// made, readable by its owner only, when it does not exist.
	KeyFile string
	// PrivateKey is the key itself, instead of KeyFile. Spaces may stand for
	// its line breaks, as in environment variables.
	PrivateKey string
	// Google lets people sign in with Google; nil answers that it is not
	// configured.
	Google *Google
	// TokenDuration is how long a JWT lasts, 0 for an hour.
	TokenDuration time.Duration
	// SessionDuration ends a session whatever happens, InactiveDuration when
	// its tokens are not refreshed; 0 for 30 days.
	SessionDuration, InactiveDuration time.Duration
	// MaxFailedAttempts is how many wrong passwords an account takes within an
	// hour, 0 for 10.
	MaxFailedAttempts int
	// MaxNewAccounts is how many accounts and guests one address may make
	// within an hour, 0 for 100. Those of Google don't count: Google limits
	// them.
	MaxNewAccounts int
	Logger         *slog.Logger
	Now            func() time.Time
}

// reuseWindow is how long a used refresh token works once more: a client whose
// answer was lost asks again.
const reuseWindow = 10 * time.Second

// Auth signs people in and checks their tokens. It is safe for concurrent use.
type Auth struct {
	config Config
	keys   *keys
	// hashing bounds how many passwords are hashed at once: each takes 32 MiB.
	hashing chan struct{}
}

// Open reads or makes the signing key.
func Open(c Config) (*Auth, error) {
	c.SiteURL = strings.TrimSuffix(c.SiteURL, "/")
	if c.SiteURL == "" {
		return nil, errors.New("open auth: a site URL is needed")
	}
	if c.IssuerURL == "" {
		c.IssuerURL = c.SiteURL
	}
	if c.TokenDuration <= 0 {
		c.TokenDuration = time.Hour
	}
	if c.SessionDuration <= 0 {
		c.SessionDuration = 30 * 24 * time.Hour
	}
	if c.InactiveDuration <= 0 {
		c.InactiveDuration = 30 * 24 * time.Hour
	}
	if c.MaxFailedAttempts <= 0 {
		c.MaxFailedAttempts = 10
	}
	if c.MaxNewAccounts <= 0 {
		c.MaxNewAccounts = 100
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	k, err := openKeys(c)
	if err != nil {
		return nil, fmt.Errorf("open auth: %w", err)
	}
	return &Auth{config: c, keys: k, hashing: make(chan struct{}, 2)}, nil
}

// SessionAlive reports whether the caller's session still exists, for
// function.Config: a caller who signed out is anonymous at once, although the
// JWT lasts a while.
func (a *Auth) SessionAlive(ctx context.Context, r store.Reader, id *function.Identity) (bool, error) {
	s, err := sessions.Get(ctx, r, sessionID(id.SessionID()))
	if err != nil {
		return false, err
	}
	return s != nil && string(s.UserID) == id.UserID(), nil
}

func (a *Auth) millis(t time.Time) float64 { return float64(t.UnixMilli()) }

// checkRedirect returns where a sign-in may send the browser: a path or query
// of the site, or an address within it. Anything else could carry the login
// code to a stranger.
func (a *Auth) checkRedirect(to string) (string, error) {
	site := a.config.SiteURL
	if strings.HasPrefix(to, "?") || strings.HasPrefix(to, "/") {
		return site + to, nil
	}
	if rest, ok := strings.CutPrefix(to, site); ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
		return to, nil
	}
	return "", function.Errorf("invalid", "Invalid `redirectTo` %s for configured SITE_URL: %s", to, site)
}
