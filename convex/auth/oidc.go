package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Google is this program's registration with Google, or with another provider
// that speaks OpenID Connect.
type Google struct {
	ClientID     string
	ClientSecret string
	// Issuer is the provider's address, "" for https://accounts.google.com.
	Issuer string
}

const googleIssuer = "https://accounts.google.com"

// provider talks to an OpenID provider. It asks for its configuration and keys
// when it needs them and keeps them for a while.
type provider struct {
	Google
	client *http.Client
	now    func() time.Time

	mu     sync.Mutex
	meta   *metadata
	keySet *jose.JSONWebKeySet
	until  time.Time // when both are asked for again
}

// metadata is the part of the provider's configuration that a sign-in needs.
type metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Keys          string `json:"jwks_uri"`
}

// profile is what the provider says about a person.
type profile struct {
	Subject       string `json:"sub"`
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name"`
	Picture       string `json:"picture"`
}

const (
	providerTimeout = 10 * time.Second
	keepMetadata    = time.Hour
	maxAnswer       = 1 << 20
)

func newProvider(g Google, now func() time.Time) *provider {
	if g.Issuer == "" {
		g.Issuer = googleIssuer
	}
	return &provider{Google: g, client: &http.Client{Timeout: providerTimeout}, now: now}
}

// discover returns the provider's configuration and keys.
func (p *provider) discover(ctx context.Context) (metadata, *jose.JSONWebKeySet, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.meta != nil && p.now().Before(p.until) {
		return *p.meta, p.keySet, nil
	}
	var m metadata
	if err := p.get(ctx, p.Issuer+"/.well-known/openid-configuration", &m); err != nil {
		return m, nil, fmt.Errorf("discover provider: %w", err)
	}
	if m.Issuer != p.Issuer || m.Authorization == "" || m.Token == "" || m.Keys == "" {
		return m, nil, errors.New("discover provider: the configuration is incomplete or of another issuer")
	}
	var keys jose.JSONWebKeySet
	if err := p.get(ctx, m.Keys, &keys); err != nil {
		return m, nil, fmt.Errorf("read provider's keys: %w", err)
	}
	p.meta, p.keySet, p.until = &m, &keys, p.now().Add(keepMetadata)
	return m, &keys, nil
}

// forget makes the next discover ask again: the provider has changed its keys.
func (p *provider) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meta = nil
}

func (p *provider) get(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	return p.do(req, into)
}

func (p *provider) do(req *http.Request, into any) error {
	res, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", req.URL.Host, res.StatusCode)
	}
	return json.Unmarshal(body, into)
}

// exchange trades an authorization code for the profile of who signed in.
func (p *provider) exchange(ctx context.Context, code, verifier, redirectURI string) (profile, error) {
	m, _, err := p.discover(ctx)
	if err != nil {
		return profile{}, err
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return profile{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// RFC 6749 wants both parts form-encoded before they are joined.
	req.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(p.ClientSecret))
	var answer struct {
		IDToken string `json:"id_token"`
	}
	if err := p.do(req, &answer); err != nil {
		return profile{}, fmt.Errorf("exchange code: %w", err)
	}
	who, err := p.verify(ctx, answer.IDToken)
	if err != nil {
		return profile{}, fmt.Errorf("check id token: %w", err)
	}
	return who, nil
}

func (p *provider) verify(ctx context.Context, token string) (profile, error) {
	t, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return profile{}, errors.New("not a signed JWT")
	}
	_, keys, err := p.discover(ctx)
	if err != nil {
		return profile{}, err
	}
	if len(t.Headers) == 1 && len(keys.Key(t.Headers[0].KeyID)) == 0 {
		p.forget()
		if _, keys, err = p.discover(ctx); err != nil {
			return profile{}, err
		}
	}
	var claims jwt.Claims
	var who profile
	if err := t.Claims(keys, &claims, &who); err != nil {
		return profile{}, errors.New("the signature is wrong")
	}
	switch {
	case claims.Issuer != p.Issuer && "https://"+claims.Issuer != p.Issuer: // Google leaves the scheme out at times
		return profile{}, errors.New("the issuer is wrong")
	case len(claims.Audience) != 1 || claims.Audience[0] != p.ClientID:
		return profile{}, errors.New("the audience is wrong")
	case claims.Expiry == nil || !p.now().Before(claims.Expiry.Time()):
		return profile{}, errors.New("it has expired")
	case who.Subject == "":
		return profile{}, errors.New("the subject is missing")
	}
	return who, nil
}
